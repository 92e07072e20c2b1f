// Gaussians, and holes that are filled with what is around; of square images.

import { create, sample } from "./images.js";

/** An image, smoothed by a Gaussian; at its border the weights inside sum to 1. */
export function blur(image, deviation) {
  const { width: side, channels, data } = image;
  const reach = Math.ceil(5 * deviation);
  const weights = Float64Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / deviation) ** 2));
  const out = create(side, side, channels);
  const between = new Float32Array(data.length);
  blurAxis(data, between, weights, side, channels, channels, side * channels);
  blurAxis(between, out.data, weights, side, channels, side * channels, channels);
  return out;
}

function blurAxis(data, out, weights, side, channels, step, next) {
  const reach = weights.length - 1;
  for (let i = 0; i < side; i++) {
    const [first, last] = [Math.max(0, i - reach), Math.min(side - 1, i + reach)];
    let sum = 0;
    for (let k = first; k <= last; k++) sum += weights[Math.abs(k - i)];
    for (let line = 0; line < side; line++) {
      for (let c = 0; c < channels; c++) {
        const start = line * next + c;
        let value = 0;
        for (let k = first; k <= last; k++) value += weights[Math.abs(k - i)] * data[start + k * step];
        out[start + i * step] = value / sum;
      }
    }
  }
}

/** Values where weights are 1, and where they are 0 what is around: push and pull. */
export function fill(values, weights) {
  const { width: side, channels } = values;
  if (side === 1) return values;
  const half = side / 2;
  const [small, share] = [create(half, half, channels), create(half, half, 1)];
  for (let row = 0, to = 0; row < half; row++) {
    for (let column = 0; column < half; column++, to++) {
      const corner = 2 * row * side + 2 * column;
      const four = [corner, corner + 1, corner + side, corner + side + 1];
      share.data[to] = four.reduce((sum, at) => sum + weights.data[at], 0) / 4;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const at of four) sum += values.data[at * channels + c] * weights.data[at];
        small.data[to * channels + c] = sum / 4 / (share.data[to] + 1e-9);
      }
    }
  }
  const coarse = fill(small, share);
  const [xs, ys] = pixels(side, (i) => (i + 0.5) / 2 - 0.5);
  const out = { ...values, data: sample(coarse, xs, ys) };
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] += (values.data[i] - out.data[i]) * weights.data[(i / channels) | 0];
  }
  return out;
}

/** The places x and y of all pixels of a square, after a function of each coordinate. */
export function pixels(side, along = (i) => i, down = along) {
  const [xs, ys] = [new Float32Array(side * side), new Float32Array(side * side)];
  for (let i = 0; i < xs.length; i++) {
    xs[i] = along(i % side);
    ys[i] = down((i / side) | 0);
  }
  return [xs, ys];
}
