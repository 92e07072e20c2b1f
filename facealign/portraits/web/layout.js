// Where the pixels of a portrait are in the photo, and how well the photo shows them.

import { Camera, GRID, clip, dot, minus, over, plus, ramp, scaled, times } from "./geometry.js";
import { draw } from "./draw.js";
import { create, sample } from "./images.js";
import { blur, fill, pixels } from "./smooth.js";

const FACE = 0; // parts of the head; teeth and eyes follow the mouth; -1 is beside it
const SKULL = 1;
const MOUTH = 3;
const BEHIND = [0.45, 1.2, 0.45, 99, 99, 1.2]; // cm, by part, that still count as seen
const EYES = 109; // px: their row in the frame
const STILL = [0, 2.5, 2]; // the point of the head on which photo and portrait agree
export const MAPS = ["own", "other", "face", "head", "facing", "person", "held"];

/**
 * Places and maps of a portrait, each by name with GRID * GRID values.
 *
 * `old` and `current` are the cameras of photo and portrait; `matte` is what tells the person:
 * an image `alpha`, and `turn` and `shift` that bring places of the photo there.
 */
export function layOut(head, points, photo, old, current, matte) {
  const frame = new Frame(old, current);
  const view = look(head, points, frame);
  const turned = ramp(dot(old.rotation[2], current.rotation[2]), 0.9976, 0.9781);
  const near = blur(image(view.surface), 1.5 * current.scale).data;
  const [x, y] = standStill(frame, view, near, turned);
  const held = new Float32Array(GRID * GRID);
  const border = Math.max(2, 0.02 * Math.min(photo.width, photo.height));
  for (let i = 0; i < held.length; i++) {
    const inside = Math.min(x[i], y[i], photo.width - 1 - x[i], photo.height - 1 - y[i]);
    held[i] = ramp(inside / border, -0.5, 1.5);
  }
  const person = findPerson(matte, x, y);
  const shown = blur(image(view.weight.map((each, i) => each * held[i])), 0.19 * current.scale).data
    .map((each, i) => each * view.surface[i]);
  const smeared = smear(view, near, person, current.scale);
  const kept = held.map((each, i) => each * (view.surface[i] ? Math.max(shown[i], smeared[i]) : 1));
  const weight = blur(image(kept), 1).data.map((each) => 1 - turned * (1 - each));
  const both = create(GRID, GRID, 3);
  for (let i = 0; i < x.length; i++) both.data.set([x[i], y[i], shown[i]], 3 * i);
  const mirrored = sample(both, ...pixels(GRID, (i) => 2 * current.shift[0] - i, (i) => i));
  const maps = { own: weight, face: view.face, facing: view.facing, person, held };
  maps.head = near.map((each) => ramp(each, 0.05, 0.5));
  maps.other = weight.map((each, i) => mirrored[3 * i + 2] * (1 - each));
  for (let i = 0; i < weight.length; i++) {
    const all = maps.own[i] + maps.other[i];
    const known = Math.min(1, 2 * all) ** 2 / (all + 1e-6);
    maps.own[i] *= known;
    maps.other[i] *= known;
  }
  for (const each of Object.values(maps)) each.forEach((value, i) => { each[i] = clip(value, 0, 1); });
  const [otherX, otherY] = [0, 1].map((axis) => x.map((_, i) => mirrored[3 * i + axis]));
  return { places: { x, y, otherX, otherY }, maps, turned, still: frame.still() };
}

const image = (data) => ({ width: GRID, height: GRID, channels: 1, data });

/** Between the portrait's frame and the photo, upright. */
class Frame {
  constructor(old, current) {
    Object.assign(this, { old, current });
    this.turn = scaled(over(old.down, [0, 1]), old.scale / current.scale);
    this.here = current.place(STILL);
    this.there = old.place(STILL);
  }

  /** The places in the frame of places x and y of the photo. */
  upright({ x, y }) {
    const out = { x: new Float64Array(x.length), y: new Float64Array(x.length) };
    for (let i = 0; i < x.length; i++) {
      [out.x[i], out.y[i]] = plus(over(minus([x[i], y[i]], this.there), this.turn), this.here);
    }
    return out;
  }

  /** The places in the photo of all pixels of the frame, if nothing turns. */
  still() {
    const [x, y] = pixels(GRID);
    for (let i = 0; i < x.length; i++) {
      [x[i], y[i]] = plus(times(this.turn, minus([x[i], y[i]], this.here)), this.there);
    }
    return { x, y };
  }
}

/** The head in the portrait: its parts, where they are in the photo, and how well that shows them. */
function look(head, points, frame) {
  const [{ old, current }, corners] = [frame, head.triangles];
  const [seen, wanted] = [old.project(points), current.project(points)];
  const flat = frame.upright(seen);
  const { depth } = draw(flat.x, flat.y, seen.z, corners);
  const { triangle, shares } = draw(wanted.x, wanted.y, wanted.z, corners);
  const normalOf = findNormals(points, corners);
  const view = { part: new Int8Array(GRID * GRID).fill(-1) };
  for (const name of ["surface", "face", "x", "y", "facing", "weight"]) {
    view[name] = new Float32Array(GRID * GRID);
  }
  for (let i = 0; i < triangle.length; i++) {
    const t = triangle[i];
    if (t < 0) continue;
    const mean = (values) =>
      [0, 1, 2].reduce((sum, k) => sum + values[corners[3 * t + k]] * shares[3 * i + k], 0);
    const [part, z] = [head.part[corners[3 * t]], mean(seen.z)];
    const [facing, needed] = [old, current].map(({ rotation }) => dot(rotation[2], normalOf(t)));
    const fine = ramp(facing / Math.max(needed, 0.12), 0.38, 0.65);
    const nearest = lowest(depth, mean(flat.x), mean(flat.y));
    view.part[i] = part;
    view.surface[i] = 1;
    view.face[i] = part === FACE || part >= MOUTH ? 1 : 0;
    [view.x[i], view.y[i]] = [mean(seen.x), mean(seen.y)];
    view.facing[i] = facing;
    view.weight[i] = nearest <= z + BEHIND[part] ? (part >= MOUTH ? 1 : fine) : 0;
  }
  return view;
}

/** The lowest of the four depths around a place. */
function lowest(depth, x, y) {
  const at = clip(Math.trunc(y), 0, GRID - 2) * GRID + clip(Math.trunc(x), 0, GRID - 2);
  return Math.min(depth[at], depth[at + 1], depth[at + GRID], depth[at + GRID + 1]);
}

/** The normals of triangles, by a function of their number. */
function findNormals(points, corners) {
  const at = (corner) => points.subarray(3 * corner, 3 * corner + 3);
  return (t) => {
    const [a, b, c] = [0, 1, 2].map((k) => at(corners[3 * t + k]));
    const [p, q] = [c, b].map((end) => [end[0] - a[0], end[1] - a[1], end[2] - a[2]]);
    const normal = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    const length = Math.max(Math.hypot(...normal), 1e-9);
    return normal.map((each) => each / length);
  };
}

/** Places in the photo: of the head as it turns; beside it, where all stands still, they fade. */
function standStill(frame, view, near, turned) {
  const still = frame.still();
  const [shift, sure] = [create(GRID, GRID, 2), create(GRID, GRID, 1)];
  for (let i = 0; i < near.length; i++) {
    if (view.surface[i]) {
      shift.data.set([view.x[i] - still.x[i], view.y[i] - still.y[i]], 2 * i);
      const seen = view.weight[i] > 0 && view.part[i] !== MOUTH;
      sure.data[i] = seen ? ramp(view.facing[i], 0.2, 0.5) : 0;
    } else sure.data[i] = ramp(near[i], 0.37, 0.05);
  }
  const moved = fill(shift, sure).data;
  return [still.x, still.y].map((axis, k) => axis.map((each, i) => each + turned * moved[2 * i + k]));
}

/** How much is the person, at places x and y of the photo. */
function findPerson({ alpha, turn, shift }, x, y) {
  const [xs, ys] = [new Float32Array(x.length), new Float32Array(x.length)];
  for (let i = 0; i < x.length; i++) [xs[i], ys[i]] = plus(times([x[i], y[i]], turn), shift);
  return sample(alpha, xs, ys).map((each) => clip(1.2 * each - 0.1, 0, 1));
}

/** What is hidden is smeared at the rim and in the hair; elsewhere it is mirrored. */
function smear(view, near, person, scale) {
  return near.map((each, i) => {
    const height = (EYES - Math.floor(i / GRID)) / scale;
    const hair = view.part[i] === SKULL ? ramp(height, -1, 1) : 0;
    const behind = ramp(person[i], 0.65, 0.45) * ramp(height, -8, -5);
    return Math.max(ramp(each, 0.9, 0.7), hair) * (1 - behind);
  });
}
