// The 3D head: a mean and its modes, read from the raw arrays that site.json lists.

import { findNormals } from "./rasterize.js";

const READERS = {
  float16: (buffer) => halves(new Uint16Array(buffer)),
  float32: (buffer) => new Float32Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
};
export const [FACE, SKULL, NECK, MOUTH, TEETH, EYES] = [0, 1, 2, 3, 4, 5]; // values of `part`
const CUT = 12.5; // cm: y of the mean head below which its neck does not turn
const POUCH = 3.2; // cm from the middle of the mean head: beyond the corners of the mouth

/** Numbers of 16 bits as numbers of 32. */
function halves(bits) {
  const [table, out] = [new Float32Array(65536), new Float32Array(bits.length)];
  for (let i = 0; i < 65536; i++) {
    const [exponent, rest] = [(i >> 10) & 31, i & 1023];
    const size = exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024);
    table[i] = i >> 15 ? -size : size;
  }
  for (let i = 0; i < out.length; i++) out[i] = table[bits[i]];
  return out;
}

/**
 * The head, by a function from a file's name to its bytes: `points` and `marks`, each with one row
 * for the mean and one for each mode, rows of vertices and of 68 landmarks; the `triangles` that a
 * portrait shows; `part` of each vertex, and `mirror`, the one on the other side; `outwards`, the
 * normals of the landmarks; how many modes there are of `identity` and of `expression`.
 */
export async function loadHead(listed, fetchBytes) {
  const head = { identity: listed.identity, expression: listed.expression };
  for (const [name, { type, file }] of Object.entries(listed.arrays)) {
    head[name] = READERS[type](await fetchBytes(file));
  }
  const rows = 1 + head.identity + head.expression;
  for (const name of ["points", "marks"]) {
    const length = head[name].length / rows;
    head[name] = Array.from({ length: rows }, (_, i) => head[name].subarray(i * length, (i + 1) * length));
  }
  const outwards = findOutwards(head);
  return { ...head, outwards, mirror: findMirror(head.points[0]), triangles: findShown(head) };
}

/** The triangles with corners of which each passes. */
function choose(triangles, passes) {
  const kept = [];
  for (let i = 0; i < triangles.length; i += 3) {
    const corners = triangles.subarray(i, i + 3);
    if (passes(corners)) kept.push(...corners);
  }
  return Uint16Array.from(kept);
}

/**
 * Without the lower neck, which does not turn with the head, and the cheek pouches of the mouth,
 * which come through thin cheeks.
 */
function findShown({ points: [mean], part, triangles }) {
  const inMouth = (corner) => part[corner] === MOUTH || part[corner] === TEETH;
  return choose(triangles, (corners) => corners.every((corner) => mean[3 * corner + 1] < CUT)
    && !(corners.every(inMouth) && corners.some((corner) => Math.abs(mean[3 * corner]) > POUCH)));
}

/** The vertex on the other side of each; the mean head is the same on both. */
function findMirror(mean) {
  const name = (i, sign) => `${sign * mean[i] + 0} ${mean[i + 1]} ${mean[i + 2]}`;
  const known = new Map();
  for (let i = 0; i < mean.length; i += 3) known.set(name(i, 1), i / 3);
  return Int32Array.from({ length: mean.length / 3 }, (_, i) => known.get(name(3 * i, -1)));
}

/** The normals [68 * 3] of the skin at the landmarks of the mean head: of the nearest vertices. */
function findOutwards({ points: [mean], marks: [marks], part, triangles }) {
  const skin = choose(triangles, (corners) => corners.every((corner) => part[corner] <= NECK));
  const [normals, out] = [findNormals(mean, skin), new Float64Array(marks.length)];
  const corners = Uint16Array.from(new Set(skin));
  for (let i = 0; i < marks.length; i += 3) {
    let [best, least] = [0, Infinity];
    for (let k = 0; k < corners.length; k++) {
      const at = 3 * corners[k];
      const square = (mean[at] - marks[i]) ** 2 + (mean[at + 1] - marks[i + 1]) ** 2
        + (mean[at + 2] - marks[i + 2]) ** 2;
      if (square < least) {
        best = at;
        least = square;
      }
    }
    out.set(normals.subarray(best, best + 3), i);
  }
  return out;
}

/** The mean and its modes [1 + N] times coefficients [N]: what one head has. */
export function shape(rows, coefficients) {
  const points = Float64Array.from(rows[0]);
  coefficients.forEach((factor, number) => {
    const mode = rows[number + 1];
    for (let i = 0; i < points.length; i++) points[i] += factor * mode[i];
  });
  return points;
}
