// Images as {width, height, channels, data}, and how they are cut, scaled and looked up.
// Photos are scaled exactly as Pillow does it, so that networks see what they saw in training.

import { clip } from "./geometry.js";

export const create = (width, height, channels) => ({
  width, height, channels, data: new Float32Array(width * height * channels),
});

const FILTERS = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  linear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  cubic: {
    support: 2,
    at(x) {
      const [a, d] = [-0.5, Math.abs(x)];
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/** For each of `to` pixels the first of `from` that it is made of, and its weights. */
function weigh(from, to, filter) {
  const zoom = from / to;
  const wide = Math.max(zoom, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * zoom;
    const first = Math.max(0, Math.trunc(centre - filter.support * wide + 0.5));
    const last = Math.min(from, Math.trunc(centre + filter.support * wide + 0.5));
    const weights = new Float64Array(last - first);
    let sum = 0;
    for (let k = first; k < last; k++) {
      sum += weights[k - first] = filter.at((k - centre + 0.5) / wide);
    }
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** One axis of a resize: `step` is between neighbours of a line, `lines` lists where lines begin. */
function resizeAxis(data, out, parts, step, lines, outLines) {
  lines.forEach((line, number) => {
    let to = outLines[number];
    for (const { first, weights } of parts) {
      let sum = 0;
      let from = line + first * step;
      for (let k = 0; k < weights.length; k++, from += step) sum += weights[k] * data[from];
      out[to] = sum;
      to += step;
    }
  });
}

/** A photo of bytes, with another size. */
export function resize(image, width, height, kind) {
  const { channels } = image;
  let { data } = image;
  if (width !== image.width) {
    const out = new Uint8ClampedArray(width * image.height * channels);
    const parts = weigh(image.width, width, FILTERS[kind]);
    for (let row = 0; row < image.height; row++) {
      const starts = Array.from({ length: channels }, (_, c) => row * image.width * channels + c);
      const ends = starts.map((_, c) => row * width * channels + c);
      resizeAxis(data, out, parts, channels, starts, ends);
    }
    data = out;
  }
  if (height !== image.height) {
    data = resizeRows(data, width * channels, weigh(image.height, height, FILTERS[kind]));
  }
  return { width, height, channels, data };
}

function resizeRows(data, length, parts) {
  const out = new Uint8ClampedArray(length * parts.length);
  const sums = new Float64Array(length);
  parts.forEach(({ first, weights }, row) => {
    sums.fill(0);
    weights.forEach((weight, k) => {
      const from = (first + k) * length;
      for (let i = 0; i < length; i++) sums[i] += weight * data[from + i];
    });
    out.set(sums, row * length);
  });
  return out;
}

/** The gray levels of a photo in colour. */
export function gray(photo) {
  const { width, height, data } = photo;
  const out = new Uint8ClampedArray(width * height);
  for (let i = 0, k = 0; i < out.length; i++, k += 3) {
    out[i] = (data[k] * 19595 + data[k + 1] * 38470 + data[k + 2] * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: out };
}

/** The pixels from (left, top) to before (right, bottom). */
export function crop(image, left, top, right, bottom) {
  const [width, height, { channels }] = [right - left, bottom - top, image];
  const data = new image.data.constructor(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}

/** An image at places [N], linear, as data [N * channels]; beyond its border that is repeated. */
export function sample(image, xs, ys) {
  const { width, height, channels, data } = image;
  const out = new Float32Array(xs.length * channels);
  for (let i = 0, to = 0; i < xs.length; i++) {
    const [x, y] = [clip(xs[i], 0, width - 1), clip(ys[i], 0, height - 1)];
    const column = Math.max(0, Math.min(x | 0, width - 2));
    const row = Math.max(0, Math.min(y | 0, height - 2));
    const [right, lower] = [x - column, y - row];
    const a = (row * width + column) * channels;
    const b = width > 1 ? a + channels : a;
    const down = height > 1 ? width * channels : 0;
    for (let c = 0; c < channels; c++) {
      const upper = data[a + c] * (1 - right) + data[b + c] * right;
      const under = data[a + down + c] * (1 - right) + data[b + down + c] * right;
      out[to++] = upper * (1 - lower) + under * lower;
    }
  }
  return out;
}

/** A photo in colour that keeps what it was scaled to. */
export class Photo {
  constructor(image) {
    Object.assign(this, image);
    this.sizes = new Map();
  }

  /** Its colours at places, [N * 3], after it is made so many times as large. */
  lookUp(xs, ys, detail) {
    const image = this.at(detail);
    const zoom = image.width / this.width;
    return sample(image, xs.map((x) => (x + 0.5) * zoom - 0.5), ys.map((y) => (y + 0.5) * zoom - 0.5));
  }

  at(detail) {
    const [width, height] = [this.width, this.height].map((side) => Math.max(1, Math.round(detail * side)));
    const key = `${width} ${height}`;
    if (!this.sizes.has(key)) this.sizes.set(key, resize(this, width, height, "cubic"));
    return this.sizes.get(key);
  }
}
