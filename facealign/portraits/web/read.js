// Reads a head from a photo: the network says landmarks and coefficients, a fit joins them.

import {
  AHEAD, Camera, DISTANCE, clip, minus, over, plus, product, scaled, similarity, size, solve, times,
} from "./geometry.js";
import { shape } from "./head.js";
import { pixels } from "./smooth.js";

export const SEEN = 128; // px of the windows that networks look at
const MIDDLE = [0, 1.8, 9.5]; // of a window, on the head
const STEPS = 6; // of Gauss-Newton
const RIGHT_ANGLE = Math.PI / 2;
const LEAN = (1.5 * Math.PI) / 180;
const MOVED = 0.42; // how far coefficients of expressions deviate; those of people by 1
const NOISE = 0.3; // cm: how far landmarks are off that are said to be sure
const LARGEST = 0.8; // deviations from which a landmark counts less (Huber's cost)

/** What a network says of the upright window around a head; `turn` and `shift` bring places there. */
export async function ask(program, photo, camera, width) {
  const [zoom, { down }] = [SEEN / width / camera.scale, camera];
  const turn = scaled(over([0, 1], down), zoom);
  const centre = [(SEEN - 1) / 2, (SEEN - 1) / 2];
  const shift = minus(centre, times(turn, camera.place(MIDDLE)));
  const [xs, ys] = pixels(SEEN);
  for (let i = 0; i < xs.length; i++) {
    [xs[i], ys[i]] = over(minus([xs[i], ys[i]], shift), turn);
  }
  const seen = photo.lookUp(xs, ys, 2 * zoom).map((level) => level / 127.5 - 1);
  return { turn, shift, ...(await program({ windows: [seen, [1, SEEN, SEEN, 3]] })) };
}

/** Camera and points of a head near a camera, and how far its landmarks may be off, in 1/128 of 18 cm. */
export async function read(reader, photo, camera, head) {
  let seen;
  for (let look = 0; look < 2; look++) {
    seen = await lookAt(reader, photo, camera, head);
    camera = seen.camera;
  }
  const { coefficients, fitted } = fit(seen, head);
  const spread = seen.spread.reduce((sum, each) => sum + each, 0) / seen.spread.length;
  return {
    camera: fitted,
    points: shape(head.points, coefficients),
    marks: shape(head.marks, coefficients),
    doubt: (spread * 128) / 18 / fitted.scale,
  };
}

/** What the reader says, with places and their spread in px of the photo, and the camera of it. */
async function lookAt(reader, photo, before, head) {
  const said = await ask(reader, photo, before, 22);
  const places = Array.from(said.spread, (_, i) => {
    const seen = [0, 1].map((axis) => ((said.landmarks[2 * i + axis] + 1) * SEEN) / 2 - 0.5);
    return over(minus(seen, said.shift), said.turn);
  });
  const lean = scaled(over([1, 0], said.turn), size(said.turn));
  const columns = [0, 1, 2].map((j) => times([said.rotation[j], said.rotation[3 + j]], lean));
  const rotation = [0, 1].map((axis) => columns.map((each) => each[axis]));
  const solid = [...said.identity, ...said.expression];
  const { x, y } = new Camera([...rotation, said.rotation.slice(6)]).project(shape(head.marks, solid));
  const sure = Array.from(said.spread, (each) => Math.exp(-each));
  const all = sure.reduce((sum, each) => sum + each);
  const flat = places.map((_, i) => [x[i], y[i]]);
  const { scale, shift } = similarity(flat, places, sure.map((each) => each / all));
  return {
    camera: new Camera([...rotation, [...said.rotation.slice(6)]], scale, shift),
    coefficients: solid,
    places,
    spread: Array.from(said.spread, (each) => (SEEN * Math.exp(each)) / size(said.turn)),
  };
}

/** Turn, coefficients, scale and shift by Gauss-Newton, with ridges by their deviations. */
function fit({ camera: start, coefficients, places, spread }, head) {
  const deviations = [
    ...[RIGHT_ANGLE, LEAN, RIGHT_ANGLE],
    ...Array(head.identity).fill(1), ...Array(head.expression).fill(MOVED),
    ...[1e3, 1e3, 1e3],
  ];
  const ridge = deviations.map((each) => each ** -2);
  const x = [0, 0, 0, ...coefficients, 0, 0, 0];
  let camera = start;
  for (let step = 0; step < STEPS; step++) {
    const { slopes, miss } = linearize(camera, x.slice(3, -3), places, head, (i, away) => {
      const sure = clip((0.4 * start.scale) / spread[i], 0.02, 2) / NOISE;
      return sure * Math.sqrt(Math.min(1, LARGEST / (away * sure)));
    });
    const along = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
    const square = slopes.map((a, i) => slopes.map((b, j) => along(a, b) + (i === j ? ridge[i] : 0)));
    const right = slopes.map((a, i) => [along(a, miss) - ridge[i] * x[i]]);
    solve(square, right).forEach(([move], i) => { x[i] += move; });
    for (let i = 3 + head.identity; i < x.length - 3; i++) x[i] = clip(x[i], -0.05, 1);
    camera = moved(start, x);
  }
  return { coefficients: x.slice(3, -3), fitted: camera };
}

/** How places move with each unknown, and by how much they are missed: [2 * 68] each, weighted. */
function linearize(camera, coefficients, places, head, weigh) {
  const solid = shape(head.marks, coefficients);
  const { x, y, z } = new Camera(camera.rotation).project(solid);
  const flat = places.map((_, i) => [x[i], y[i]]);
  const away = places.map((place, i) =>
    minus(scaled(minus(place, camera.shift), 1 / camera.scale), flat[i]));
  const sure = away.map((each, i) => weigh(i, size(each)));
  const crossed = [0, 1, 2].map((axis) => {
    const [j, k, out] = [(axis + 1) % 3, (axis + 2) % 3, new Float64Array(solid.length)];
    for (let i = 0; i < out.length; i += 3) [out[i + j], out[i + k]] = [-solid[i + k], solid[i + j]];
    return out;
  });
  const rows = [...crossed, ...head.marks.slice(1)].map((moves) => places.map((_, i) => {
    const [right, down, out] = camera.rotation.map((row) =>
      row[0] * moves[3 * i] + row[1] * moves[3 * i + 1] + row[2] * moves[3 * i + 2]);
    return scaled(plus([right, down], scaled(flat[i], out / DISTANCE)), 1 / (1 - z[i] / DISTANCE));
  }));
  rows.push(flat, flat.map(() => [1, 0]), flat.map(() => [0, 1]));
  const weighted = (row) => Float64Array.from(row.flatMap((each, i) => scaled(each, sure[i])));
  return { slopes: rows.map(weighted), miss: weighted(away) };
}

/** The camera at the start, moved by the unknowns: turn (Cayley), scale and shift. */
function moved(start, x) {
  const [a, b, c] = x.slice(0, 3).map((each) => each / 2);
  const across = [[0, -c, b], [c, 0, -a], [-b, a, 0]];
  const part = (sign) => AHEAD.map((row, i) => row.map((each, j) => each + sign * across[i][j]));
  const rotation = product(start.rotation, solve(part(-1), part(1)));
  const [zoom, right, down] = x.slice(-3);
  const shift = plus(start.shift, scaled([right, down], start.scale));
  return new Camera(rotation, start.scale * Math.exp(zoom), shift);
}
