// Where a mirrored far side meets what the photo shows of it: along a hardly seen seam.
//
// Far hair lies further out than the fitted head, so that a portrait would have it on the forehead,
// between skin and mirrored skin. The seam goes where both look alike, further inside. As in "Image
// quilting", Efros and Freeman 2001.

import { SIDE, outwards } from "./farSide.js";
import { clip, interpolate, ramp } from "./geometry.js";
import { indices, make, smooth, smoothLine } from "./planes.js";

// Heights in cm above the eyes, and how many cm a seam may move inwards there: eyes stay.
const HEIGHTS = [-12, -8, -3, -1.2, 1.2, 2.2, 4];
const INWARDS = [2, 1.5, 1.2, 0.3, 0.3, 3, 6];
const COST = 2; // gray levels that each of these cm costs
// px of the frame that a seam moves at most from row to row, and gray levels that so many cost.
const [STEEP, BEND] = [3, 6];
const [SOFT, FEATHER] = [0.15, 0.2]; // cm: smoothing of differences; softness of a seam
const ALIKE = 2.5; // cm inside of a seam over which both are mixed
const [LEAST, ENDS, BEGUN] = [10, 0.3, [0.3, 0.9]]; // rows with a far side; how a seam begins and ends, cm
const OUT_OF_REACH = 1e4; // gray levels

/**
 * A far side that begins where that is seen least, at its own border or inside of it.
 *
 * `own` and `mirrored` are the colours of the portrait and, in the same light, of the far side.
 */
export function moveSeam(side, own, mirrored, view, reach) {
  const { size, camera: { scale }, eyes, surface } = view;
  const out = outwards(view, reach);
  // Indices with the columns from near to far.
  const order = (i) => (reach.way < 0 ? i - 2 * (i % size) + size - 1 : i);
  const found = findBorder(size, (i) => side.share[order(i)] > 0.5, (i) => surface[order(i)]);
  const rows = indices(size, (row) => found[row] >= 0);
  if (rows.length < LEAST) return side;
  const borders = rows.map((row) => found[row]);
  const border = Float64Array.from(found, (_, row) => interpolate(row, rows, borders));
  const start = out.filter((each) => each < SIDE[0]).length;
  const difference = smooth(make(surface.length, (i) =>
    own.reduce((sum, plane, k) => sum + Math.abs(plane[i] - mirrored[k][i]), 0) / 3), SOFT * scale);
  const some = rows.at(-1) + 1 - rows[0];
  const cost = Float64Array.from({ length: some * size }, (_, at) => {
    const [i, row, column] = [at + rows[0] * size, ((at / size) | 0) + rows[0], at % size];
    const first = Math.max(border[row] - scale * interpolate((eyes - row) / scale, HEIGHTS, INWARDS), start);
    if (column < first - 0.5 || column > border[row] + 0.5) return OUT_OF_REACH;
    return difference[order(i)] + (COST * Math.max(border[row] - column, 0)) / scale;
  });
  const seam = new Float64Array(size).fill(size);
  seam.set(smoothLine(findPath(cost, size), 1), rows[0]);
  const feather = FEATHER * scale;
  const ends = smoothLine(found.map((each) => (each >= 0 ? 1 : 0)), ENDS * scale).map((each) => ramp(each, BEGUN));
  const [share, alike] = [side.share.slice(), side.share.slice()];
  for (let i = 0; i < surface.length; i++) {
    const [row, column, at] = [(i / size) | 0, i % size, order(i)];
    // Beyond the border, the far side is as it was.
    if (!surface[at] || column > border[row] + 2 * feather) continue;
    const usable = side.usable[at] * ends[row];
    share[at] = Math.max(share[at], usable * clip((column - seam[row]) / feather + 0.5, 0, 1));
    alike[at] = Math.max(share[at], usable * clip((column - seam[row]) / (ALIKE * scale) + 1, 0, 1));
  }
  return { ...side, share, alike };
}

/** The column from which all of a row's head is taken; -1 if nothing is. By functions of an index. */
function findBorder(size, taken, head) {
  return Float64Array.from({ length: size }, (_, row) => {
    let [last, kept] = [-1, -1];
    for (let column = 0; column < size; column++) {
      const i = row * size + column;
      if (!head(i)) continue;
      last = column;
      if (!taken(i)) kept = column;
    }
    return last > kept ? kept + 1 : -1;
  });
}

/** The columns of the cheapest way through costs [R * count], from the first row to the last. */
export function findPath(cost, count) {
  const came = new Int32Array(cost.length);
  let total = cost.slice(0, count);
  for (let start = count; start < cost.length; start += count) {
    const next = new Float64Array(count);
    for (let column = 0; column < count; column++) {
      let [best, least] = [0, Infinity];
      for (let move = -STEEP; move <= STEEP; move++) {
        const from = column + move;
        if (from < 0 || from >= count) continue;
        const way = total[from] + (BEND * Math.abs(move)) / STEEP;
        if (way < least) [best, least] = [from, way];
      }
      came[start + column] = best;
      next[column] = least + cost[start + column];
    }
    total = next;
  }
  const path = new Float64Array(cost.length / count);
  path[path.length - 1] = total.indexOf(Math.min(...total));
  for (let row = path.length - 1; row > 0; row--) path[row - 1] = came[row * count + path[row]];
  return path;
}
