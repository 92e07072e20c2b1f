// Image pyramids: they fill holes smoothly, and blend two images without a seam. Of planes.

import { make, sideOf } from "./planes.js";

const SMALLEST = 4; // px: smallest side of the top of a pyramid that fills
const [LEVELS, LEAST] = [5, 16]; // of a pyramid that blends; px below which it is not halved again
const NONE = 1e-6; // weight that counts as nothing

/**
 * Planes with the values of weight 0 made of their surroundings, the nearer the more ("push-pull").
 *
 * Weights are from 0 to 1; between, a value is mixed with its surroundings.
 */
export function fill(planes, weights) {
  const levels = [[...planes.map((plane) => plane.map((each, i) => each * weights[i])), weights]];
  while (sideOf(levels.at(-1)[0]) > SMALLEST) levels.push(levels.at(-1).map(halve));
  return planes.map((_, c) => {
    const top = levels.at(-1);
    let filled = top[c].map((each, i) => each / (top.at(-1)[i] + NONE));
    for (const level of levels.slice(0, -1).reverse()) {
      const [sums, known] = [level[c], level.at(-1)];
      filled = double(filled, sideOf(known));
      for (let i = 0; i < filled.length; i++) {
        const share = Math.min(known[i], 1);
        filled[i] = filled[i] * (1 - share) + sums[i] * (share / (known[i] + NONE));
      }
    }
    return filled;
  });
}

/**
 * The part of a plane that stays where a share is 1, and goes where it is 0.
 *
 * Coarse structures change over slowly, fine ones at once. Two images are blended by the part that
 * stays of their difference (Burt and Adelson, 1983).
 */
export function keep(plane, share, levels = LEVELS) {
  const side = sideOf(share);
  if (levels === 0 || side < LEAST) return plane.map((each, i) => each * share[i]);
  const coarse = halve(plane);
  const kept = double(keep(coarse, halve(share), levels - 1), side);
  const plain = double(coarse, side);
  return kept.map((each, i) => each + (plane[i] - plain[i]) * share[i]);
}

/** A plane, blurred by (1, 4, 6, 4, 1) / 16, every second row and column of it. */
export function halve(plane) {
  const side = sideOf(plane);
  const half = (side + 1) >> 1;
  const near = (i) => (i < 0 ? 0 : Math.min(i, side - 1));
  const taps = Array.from({ length: half }, (_, i) => [-2, -1, 0, 1, 2].map((k) => near(2 * i + k)));
  const [rows, out] = [new Float32Array(half * side), new Float32Array(half * half)];
  taps.forEach((five, row) => {
    const [a, b, c, d, e] = five.map((each) => each * side);
    for (let x = 0; x < side; x++) {
      rows[row * side + x] = (plane[a + x] + plane[e + x]) / 16
        + (plane[b + x] + plane[d + x]) / 4 + plane[c + x] * 0.375;
    }
  });
  taps.forEach(([a, b, c, d, e], column) => {
    for (let row = 0, at = 0; row < half; row++, at += side) {
      out[row * half + column] = (rows[at + a] + rows[at + e]) / 16
        + (rows[at + b] + rows[at + d]) / 4 + rows[at + c] * 0.375;
    }
  });
  return out;
}

/** A plane that `halve` made of one of this side, as large as before, smooth. */
export function double(plane, side) {
  const half = sideOf(plane);
  const wide = new Float32Array(half * side);
  for (let row = 0; row < half; row++) {
    doubleLine(plane, row * half, half, wide, row * side, side);
  }
  const out = new Float32Array(side * side);
  for (let row = 0; row < half; row++) {
    const [at, up, down] = [row, Math.max(row - 1, 0), Math.min(row + 1, half - 1)].map((each) => each * side);
    for (let x = 0, to = 2 * row * side; x < side; x++) {
      out[to + x] = 0.75 * wide[at + x] + 0.125 * (wide[up + x] + wide[down + x]);
      if (2 * row + 1 < side) out[to + side + x] = 0.5 * (wide[at + x] + wide[down + x]);
    }
  }
  return out;
}

/** Numbers between are the mean of two, the others 1/8, 6/8, 1/8 of three; fewer at the ends. */
function doubleLine(from, start, count, out, to, length) {
  for (let i = 0; i < count; i++) {
    const own = from[start + i];
    const after = from[start + Math.min(i + 1, count - 1)];
    out[to + 2 * i] = 0.75 * own + 0.125 * (from[start + Math.max(i - 1, 0)] + after);
    if (2 * i + 1 < length) out[to + 2 * i + 1] = 0.5 * (own + after);
  }
}

/** The means of blocks of 2 x 2 px of a plane. */
export function halveFlat(plane) {
  const [side, half] = [sideOf(plane), sideOf(plane) / 2];
  return make(half * half, (i) => {
    const at = 2 * ((i / half) | 0) * side + 2 * (i % half);
    return (plane[at] + plane[at + 1] + plane[at + side] + plane[at + side + 1]) / 4;
  });
}
