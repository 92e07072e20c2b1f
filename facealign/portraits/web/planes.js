// Square images of one number a pixel ("planes", Float32Array [S * S]), as SciPy's ndimage has them.
// Colours are three planes, places are two: x and y. Beyond the border an image is mirrored.

import { clip } from "./geometry.js";

export const sideOf = (plane) => Math.sqrt(plane.length);

/** So many numbers, each by a function of its index. */
export function make(count, at) {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = at(i);
  return out;
}

/** A mask of so many pixels, 1 where a function of the index says so. */
export function mark(count, at) {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = at(i) ? 1 : 0;
  return out;
}

/** The indices below a count that a function passes. */
export function indices(count, passes) {
  const out = [];
  for (let i = 0; i < count; i++) if (passes(i)) out.push(i);
  return out;
}

/** The pixels of a square, x and y. */
export const pixelsOf = (side) =>
  [make(side * side, (i) => i % side), make(side * side, (i) => (i / side) | 0)];

/** Half of the weights of a Gaussian, from its middle on; they sum to 1. */
function weigh(deviation) {
  const reach = Math.trunc(4 * deviation + 0.5);
  const weights = Float64Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / deviation) ** 2));
  const sum = weights.reduce((all, each) => all + 2 * each, -1);
  return weights.map((each) => each / sum);
}

/** An index of a line of so many numbers, mirrored at its ends (0 is beside 0). */
function mirror(index, count) {
  const at = ((index % (2 * count)) + 2 * count) % (2 * count);
  return at < count ? at : 2 * count - 1 - at;
}

/** Numbers in a line, smoothed by a Gaussian. */
export function smoothLine(line, deviation) {
  const [weights, out] = [weigh(deviation), new Float64Array(line.length)];
  for (let i = 0; i < line.length; i++) {
    out[i] = weights[0] * line[i];
    for (let k = 1; k < weights.length; k++) {
      out[i] += weights[k] * (line[mirror(i - k, line.length)] + line[mirror(i + k, line.length)]);
    }
  }
  return out;
}

/** A plane, smoothed by a Gaussian. */
export function smooth(plane, deviation) {
  const [side, weights] = [sideOf(plane), weigh(deviation)];
  const reach = weights.length - 1;
  const [out, sums] = [new Float32Array(plane.length), new Float64Array(side)];
  const line = new Float64Array(side + 2 * reach);
  for (let row = 0; row < side; row++) {
    for (let x = 0, at = row * side; x < side; x++) sums[x] = weights[0] * plane[at + x];
    for (let k = 1; k <= reach; k++) {
      const [up, down, weight] = [mirror(row - k, side) * side, mirror(row + k, side) * side, weights[k]];
      for (let x = 0; x < side; x++) sums[x] += weight * (plane[up + x] + plane[down + x]);
    }
    out.set(sums, row * side);
  }
  for (let at = 0; at < out.length; at += side) {
    for (let x = -reach; x < side + reach; x++) line[x + reach] = out[at + mirror(x, side)];
    for (let x = 0; x < side; x++) {
      let sum = weights[0] * line[x + reach];
      for (let k = 1; k <= reach; k++) sum += weights[k] * (line[x + reach - k] + line[x + reach + k]);
      out[at + x] = sum;
    }
  }
  return out;
}

/** The largest number in a square of so many px, which is odd, around each pixel. */
export function largest(plane, width) {
  const [side, reach] = [sideOf(plane), (width - 1) / 2];
  let from = plane;
  for (const step of [side, 1]) {
    const out = from.slice();
    for (let k = 1; k <= reach; k++) {
      for (let i = 0; i < out.length; i++) {
        const along = step === 1 ? i % side : (i / side) | 0;
        if (along >= k && from[i - k * step] > out[i]) out[i] = from[i - k * step];
        if (along + k < side && from[i + k * step] > out[i]) out[i] = from[i + k * step];
      }
    }
    from = out;
  }
  return from;
}

/** The smallest number, as `largest`; of masks or numbers from 0 to 1. */
export const smallest = (plane, width) =>
  largest(plane.map((each) => 1 - each), width).map((each) => 1 - each);

/** The pixels of a mask, and those so many steps to the sides, up or down from them. */
export function spread(mask, steps) {
  const side = sideOf(mask);
  const away = new Int32Array(mask.length);
  const near = (i, x, back) => Math.min(
    away[i], (x > 0 && x < side ? away[i + back] : steps) + 1,
    (i + back * side >= 0 && i + back * side < away.length ? away[i + back * side] : steps) + 1,
  );
  for (let i = 0; i < away.length; i++) {
    away[i] = mask[i] ? 0 : steps + 1;
    away[i] = near(i, i % side, -1);
  }
  for (let i = away.length - 1; i >= 0; i--) away[i] = near(i, side - 1 - (i % side), 1);
  return mark(away.length, (i) => away[i] <= steps);
}

/** A plane at places, linear; beyond its border that is repeated. */
export function lookUp(plane, [xs, ys]) {
  const [last, side] = [sideOf(plane) - 1, sideOf(plane)];
  return make(xs.length, (i) => {
    const x = clip(xs[i], 0, last);
    const y = clip(ys[i], 0, last);
    const column = Math.min(x | 0, last - 1);
    const row = Math.min(y | 0, last - 1);
    const right = x - column;
    const lower = y - row;
    const at = row * side + column;
    const upper = plane[at] * (1 - right) + plane[at + 1] * right;
    return upper * (1 - lower) + (plane[at + side] * (1 - right) + plane[at + side + 1] * right) * lower;
  });
}

/** The middle one of numbers, or the mean of the two in the middle. */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The index [S * S] of the nearest pixel of a mask that is not empty, and px to it. */
export function nearest(mask) {
  const side = sideOf(mask);
  const rows = new Int32Array(mask.length); // of the nearest pixel in the same column; -1: none
  for (let x = 0; x < side; x++) {
    for (let y = 0, last = -1; y < side; y++) {
      if (mask[y * side + x]) last = y;
      rows[y * side + x] = last;
    }
    for (let y = side - 1, next = -1; y >= 0; y--) {
      const at = y * side + x;
      if (mask[at]) next = y;
      if (next >= 0 && (rows[at] < 0 || next - y < y - rows[at])) rows[at] = next;
    }
  }
  const [at, away] = [new Int32Array(mask.length), new Float32Array(mask.length)];
  const kept = new Int32Array(side);
  for (let y = 0; y < side; y++) nearestInRow(rows, y, side, kept, at, away);
  return { at, away };
}

/** The lower envelope of parabolas, with ties as in SciPy (Maurer et al., 2003). */
function nearestInRow(rows, y, side, kept, at, away) {
  const start = y * side;
  const square = (x) => (rows[start + x] - y) ** 2;
  let last = -1;
  for (let x = 0; x < side; x++) {
    if (rows[start + x] < 0) continue;
    for (; last >= 1; last--) {
      const [a, b] = [kept[last] - kept[last - 1], x - kept[last]];
      const beyond = (a + b) * square(kept[last]) - b * square(kept[last - 1]) - a * square(x);
      if (beyond - a * b * (a + b) <= 0) break;
    }
    kept[++last] = x;
  }
  for (let x = 0, l = 0; x < side; x++) {
    const far = (k) => (kept[k] - x) ** 2 + square(kept[k]);
    while (l < last && far(l + 1) < far(l)) l++;
    at[start + x] = rows[start + kept[l]] * side + kept[l];
    away[start + x] = Math.sqrt(far(l));
  }
}
