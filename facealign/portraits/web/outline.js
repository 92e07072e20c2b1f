// The outline of a head: where the photo's is, and how the scene beside it moves to the portrait's.
// Heights are in cm above the eyes.

import { clip, interpolate, ramp, round } from "./geometry.js";
import { indices, make, mark, sideOf, smoothLine } from "./planes.js";

const COLLAR = [-11.5, -17]; // heights over which the outline of the neck stops moving the scene
const CHEEKS = [-7, 0]; // heights over which the rows of the outline begin to follow that rise
const CROWN = [-1.5, 5.5]; // heights over which the scene follows the top of the head up or down
const LARGEST_RISE = 3.9; // cm that the top of the head may move
const ROWS = 0.32; // cm: smoothing along the outline
const SIDES = [-1.5, 1.5]; // cm right of the middle over which one side's shift passes to the other's
const OFF = 1.5; // cm that the outline of a far cheek may be off
// Heights of a far cheek's upper and lower end, of a profile's, and sines of yaw from which a face
// has the one and the other.
const [CHEEK, PROFILE] = [[[3, 1], [-9.5, -8]], [[6.5, 5], [-12.5, -11.5]]];
const [ASIDE, BESIDE] = [[0.14, 0.25], [0.65, 0.85]];

/**
 * An outline whose far cheek ends where the matte does, if that is near: there no hair is between
 * the face and what is behind it, and the fitted head may be off.
 *
 * `eyes` is their row, `scale` px a cm; the face looks `way` to the right, where the far cheek is.
 */
export function meetMatte(outline, alpha, eyes, scale, way) {
  const [{ left, right }, size] = [findSides(outline), sideOf(outline)];
  const [edge, outwards] = way > 0 ? [right, 1] : [left, -1];
  const reach = round(OFF * scale);
  const beside = ramp(Math.abs(way), BESIDE);
  const [off, known] = [new Float64Array(size), new Float64Array(size)];
  for (let row = 0; row < size; row++) {
    const profile = Array.from({ length: 2 * reach + 1 }, (_, k) =>
      alpha[row * size + clip(round(edge[row] + outwards * (k - reach)), 0, size - 1)]);
    const ends = Math.min(...profile.slice(0, 2)) > 0.5 && Math.max(...profile.slice(-2)) < 0.5;
    const height = (eyes - row) / scale;
    const [cheek, front] = [CHEEK, PROFILE].map(([top, end]) => ramp(height, top) * ramp(height, end));
    known[row] = ends * (cheek * (1 - beside) + front * beside) * ramp(Math.abs(way), ASIDE);
    off[row] = (profile.reduce((sum, each) => sum + each) - reach - 1) * known[row];
  }
  const [moved, sure] = [off, known].map((each) => smoothLine(each, ROWS * scale));
  const limits = edge.map((each, row) => each + (outwards * moved[row]) / Math.max(sure[row], 0.5));
  const filled = new Set(rowsOf(outline));
  return mark(outline.length, (i) => {
    const [row, column] = [(i / size) | 0, i % size];
    const near = filled.has(row) && Math.abs(column - limits[row]) <= reach + 1;
    return near ? outwards * (limits[row] - column) > -0.5 : outline[i];
  });
}

/** How far the scene moves, in px right and down, with the outline: from that `found` to that `wanted`. */
export function followOutline(wanted, found, eyes, scale) {
  const [size, own, other] = [sideOf(wanted), findSides(wanted), findSides(found)];
  const limit = LARGEST_RISE * scale;
  const rise = clip(other.top - own.top, -limit, limit);
  const heights = make(size, (row) => (eyes - row) / scale);
  const [leftwards, rightwards] = ["left", "right"].map((side) => smoothLine(heights.map((height, row) => {
    const from = clip(round(row + rise * ramp(height, CHEEKS)), 0, size - 1);
    return (other[side][from] - own[side][row]) * (1 - ramp(height, COLLAR));
  }), ROWS * scale));
  const across = make(wanted.length, (i) => {
    const row = (i / size) | 0;
    const share = ramp((i % size - (own.left[row] + own.right[row]) / 2) / scale, SIDES);
    return leftwards[row] * (1 - share) + rightwards[row] * share;
  });
  return [across, make(wanted.length, (i) => rise * ramp(heights[(i / size) | 0], CROWN))];
}

/** The rows of a mask that have any pixel. */
function rowsOf(mask) {
  const size = sideOf(mask);
  return indices(size, (row) => mask.subarray(row * size, (row + 1) * size).includes(1));
}

/** First and last column of a mask in each row, also between its rows, and its first row. */
function findSides(mask) {
  const [size, rows] = [sideOf(mask), rowsOf(mask)];
  const line = (row) => mask.subarray(row * size, (row + 1) * size);
  const along = (sides) => Float64Array.from({ length: size }, (_, row) => interpolate(row, rows, sides));
  return {
    left: along(rows.map((row) => line(row).indexOf(1))),
    right: along(rows.map((row) => line(row).lastIndexOf(1))),
    top: rows[0],
  };
}
