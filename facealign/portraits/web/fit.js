// Fits the 3D head to landmarks: pose and coefficients, by Gauss-Newton. Rows are in cm of the head.

import { Camera, DISTANCE, clip, interpolate, product, rotate, solve, transpose, vectorOf } from "./geometry.js";
import { shape } from "./head.js";

const STEPS = 6;
const DEVIATION = 0.3; // cm of a landmark; larger than its noise, since errors of neighbours are alike
const HUBER = 0.8; // in weighted deviations; beyond it, the cost of a landmark grows linearly
const MOVED = 0.42; // deviation of coefficients of expressions; those of people have 1
const [LEAST, MOST] = [-0.05, 1]; // range of coefficients of expressions
const SURE = 0.4; // cm: a landmark with this spread gets the weight 1
const WEIGHTS = [0.02, 2]; // range of these weights
const LARGEST_STEP = 0.6; // radians of a rotation, and of the logarithm of the scale
// Degrees by which pitch, yaw and roll may be corrected of heads that are turned by at most and at
// least so many: landmarks alone pull profiles towards the front, since the hidden side is guessed.
const [TURNED, FREE, TIED] = [[30, 60], [90, 1.5, 90], [1.5, 4, 1.5]];
const CROP = 128 / 18; // px a cm of a tight crop, in which errors are given

/** The head that explains landmarks at `places` with a `spread`, in px: camera, coefficients, error. */
export function fit({ camera: start, coefficients: first, places, spread }, head) {
  const sure = Array.from(spread, (each) => clip((SURE * start.scale) / each, ...WEIGHTS));
  const share = interpolate(Math.abs(start.yaw), TURNED, [0, 1]);
  const deviation = FREE.map((free, i) => (free ** (1 - share) * TIED[i] ** share * Math.PI) / 180);
  const prior = { rotation: start.rotation, deviation };
  let [camera, coefficients] = [start, [...first]];
  for (let step = 0; step < STEPS; step++) {
    [camera, coefficients] = improve(camera, coefficients, places, sure, prior, head);
  }
  return { camera, coefficients, error: errorOf(camera, coefficients, places, head) };
}

/** One step of Gauss-Newton. */
function improve(camera, coefficients, places, sure, prior, head) {
  const { slopes, missing } = linearize(camera, coefficients, places, sure, head);
  const along = (a, b) => {
    let sum = 0;
    for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
    return sum;
  };
  const square = slopes.map((a) => slopes.map((b) => along(a, b)));
  const right = slopes.map((a) => along(a, missing));
  coefficients.forEach((each, i) => {
    const ridge = i < head.identity ? 1 : MOVED ** -2;
    square[6 + i][6 + i] += ridge;
    right[6 + i] -= ridge * each;
  });
  // The prior, about the head's own axes, of which a rotation of the photo turns a part.
  const back = transpose(camera.rotation);
  const way = vectorOf(product(back, prior.rotation));
  const rows = back.map((row, i) => row.map((each) => each / prior.deviation[i]));
  for (let i = 0; i < 3; i++) {
    for (let k = 0; k < 3; k++) {
      right[i] += (rows[k][i] * way[k]) / prior.deviation[k];
      for (let j = 0; j < 3; j++) square[i][j] += rows[k][i] * rows[k][j];
    }
  }
  square.forEach((row, i) => { row[i] += 1e-5; });
  const move = solve(square, right);
  const most = (each) => clip(each, -LARGEST_STEP, LARGEST_STEP);
  const shift = camera.shift.map((each, axis) => each + camera.scale * move[4 + axis]);
  const rotation = product(rotate(move.slice(0, 3).map(most)), camera.rotation);
  const next = new Camera(rotation, camera.scale * Math.exp(most(move[3])), shift);
  return [next, coefficients.map((each, i) => {
    const value = each + move[6 + i];
    return i < head.identity ? value : clip(value, LEAST, MOST);
  })];
}

/** Where landmarks are in cm of the image, how far they are missed, and how near they are. */
function missed(camera, coefficients, places, head) {
  const solid = shape(head.marks, coefficients);
  const { x, y, z } = new Camera(camera.rotation).project(solid);
  const missing = places.map((place, i) => [
    (place[0] - camera.shift[0]) / camera.scale - x[i],
    (place[1] - camera.shift[1]) / camera.scale - y[i],
  ]);
  return { solid, x, y, z, missing };
}

/** How places move with each unknown, and by how much they are missed: [2 * 68] each, weighted. */
function linearize(camera, coefficients, places, sure, head) {
  const { x, y, z, missing } = missed(camera, coefficients, places, head);
  const near = Array.from(z, (each) => 1 / (1 - each / DISTANCE));
  const factors = missing.map(([right, down], i) => {
    const factor = sure[i] / DEVIATION;
    return factor * Math.sqrt(Math.min(1, HUBER / Math.sqrt((factor * right) ** 2 + (factor * down) ** 2 + 1e-12)));
  });
  const row = (movesOf) => {
    const out = new Float64Array(2 * places.length);
    for (let i = 0; i < places.length; i++) {
      const [right, down] = movesOf(i);
      out[2 * i] = factors[i] * right;
      out[2 * i + 1] = factors[i] * down;
    }
    return out;
  };
  const bent = (turnedOf) => row((i) => {
    const [right, down, out] = turnedOf(i);
    return [near[i] * (right + (x[i] * out) / DISTANCE), near[i] * (down + (y[i] * out) / DISTANCE)];
  });
  // A small rotation w moves a turned point by w x point.
  const flat = (i) => [x[i] / near[i], y[i] / near[i], z[i]];
  const slopes = [
    bent((i) => [0, -flat(i)[2], flat(i)[1]]),
    bent((i) => [flat(i)[2], 0, -flat(i)[0]]),
    bent((i) => [-flat(i)[1], flat(i)[0], 0]),
    row((i) => [x[i], y[i]]), row(() => [1, 0]), row(() => [0, 1]),
  ];
  for (const mode of head.marks.slice(1)) {
    slopes.push(bent((i) => camera.rotation.map((axis) =>
      axis[0] * mode[3 * i] + axis[1] * mode[3 * i + 1] + axis[2] * mode[3 * i + 2])));
  }
  return { slopes, missing: row((i) => missing[i]) };
}

/** The rms distance of the landmarks that face the camera, in px of a crop of 128 px. */
function errorOf(camera, coefficients, places, head) {
  const { missing } = missed(camera, coefficients, places, head);
  let [sum, count] = [0, 0];
  missing.forEach(([right, down], i) => {
    const facing = [0, 1, 2].reduce((all, k) => all + head.outwards[3 * i + k] * camera.rotation[2][k], 0);
    if (facing <= 0) return;
    sum += right ** 2 + down ** 2;
    count += 1;
  });
  return Math.sqrt(sum / count) * CROP;
}
