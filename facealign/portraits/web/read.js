// Reads a head from a photo: a network looks twice, then a fit joins what it says.

import { AHEAD, Camera, apply, compose, growth, interpolate, invert, similarity } from "./geometry.js";
import { fit } from "./fit.js";
import { shape } from "./head.js";
import { cropLarge } from "./images.js";
import { make } from "./planes.js";

const SEEN = 128; // px of the windows that the network looks at
const WIDE = 22; // cm of the later ones
const FIRST = 1.6; // side of the first one, in sides of the face's box
const CENTRE = [0, 1.8, 9.5]; // cm: the middle of a window, below the eyes, behind the nose
const LOOKS = 2;
const [DIM, BRIGHT] = [110, 0.95]; // windows whose level at this share is lower are brightened to it
// Largest usual error of a fitted head, and doubt of the reader, up to 30 and from 60 degrees aside.
const [ASIDE, ERRORS, DOUBTS] = [[30, 60], [3.6, 5.5], [3.2, 6]];

/** The transformation from a photo to the first window around a box: left, top, right, bottom. */
export function aroundBox([left, top, right, bottom]) {
  const scale = SEEN / (FIRST * (right - left));
  const shift = (low, high) => (SEEN - 1) / 2 - scale * ((low + high) / 2 - 0.5);
  return [[scale, 0, shift(left, right)], [0, scale, shift(top, bottom)]];
}

/** The transformation from a photo to an upright window of so many px and cm around its head. */
export function aroundHead(camera, size = SEEN, width = WIDE) {
  const [x, y] = camera.place(CENTRE);
  const roll = Math.atan2(-camera.rotation[0][1], camera.rotation[1][1]);
  const scale = size / width / camera.scale;
  const [cosine, sine] = [scale * Math.cos(roll), scale * Math.sin(roll)];
  const middle = (size - 1) / 2;
  return [
    [cosine, sine, middle - cosine * x - sine * y],
    [-sine, cosine, middle + sine * x - cosine * y],
  ];
}

/** What a network says of a window: colours as bytes [size * size * 3]. */
export const ask = (program, colours, size) =>
  program({ windows: [make(colours.length, (i) => colours[i] / 127.5 - 1), [1, size, size, 3]] });

/**
 * The head of a photo near a first window: its camera and coefficients, with `points`, `marks`, and
 * `strange`, whether this may be no human face, or a covered one.
 */
export async function read(reader, photo, window, head) {
  let seen;
  for (let look = 0; look < LOOKS; look++) {
    seen = await lookAt(reader, photo, look ? aroundHead(seen.camera) : window, head);
  }
  const { camera, coefficients, error } = fit(seen, head);
  const spread = seen.spread.reduce((sum, each) => sum + each, 0) / seen.spread.length;
  const doubt = (spread * SEEN) / 18 / camera.scale;
  const usual = [ERRORS, DOUBTS].map((limits) => interpolate(Math.abs(camera.yaw), ASIDE, limits));
  return {
    camera,
    coefficients,
    points: shape(head.points, coefficients),
    marks: shape(head.marks, coefficients),
    strange: !(error <= usual[0] && doubt <= usual[1]),
  };
}

/** A window that is bright enough for the network. */
function brighten(colours) {
  const levels = colours.slice().sort();
  const at = BRIGHT * (levels.length - 1);
  const low = levels[Math.floor(at)];
  const brightest = Math.max(low + (levels[Math.ceil(at)] - low) * (at % 1), 1);
  return brightest >= DIM ? colours : colours.map((each) => each * (DIM / brightest));
}

/** What the reader says, with places and their spread in px of the photo, and the camera of it. */
async function lookAt(reader, photo, window, head) {
  const said = await ask(reader, brighten(cropLarge(photo, window, SEEN).data), SEEN);
  const back = invert(window);
  const pixels = Array.from(said.spread, (_, i) =>
    [0, 1].map((axis) => ((said.landmarks[2 * i + axis] + 1) * SEEN) / 2 - 0.5));
  const coefficients = [...said.identity, ...said.expression];
  const rotation = AHEAD.map((_, i) => [...said.rotation.slice(3 * i, 3 * i + 3)]);
  const { x, y } = new Camera(rotation).project(shape(head.marks, coefficients));
  const sure = Array.from(said.spread, (each) => Math.exp(-each));
  const all = sure.reduce((sum, each) => sum + each);
  const { scale, shift } = similarity(pixels.map((_, i) => [x[i], y[i]]), pixels, sure.map((each) => each / all));
  const toWindow = [[scale, 0, shift[0]], [0, scale, shift[1]]];
  return {
    camera: new Camera(rotation).moved(compose(back, toWindow)),
    coefficients,
    places: pixels.map((place) => apply(back, place)),
    spread: Array.from(said.spread, (each) => SEEN * Math.exp(each) * growth(back)),
  };
}
