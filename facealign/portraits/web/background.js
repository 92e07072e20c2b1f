// What stands behind the person of a portrait: the photo's own scene, or a plain colour.

import { Core } from "./core.js";
import { clip, ramp } from "./geometry.js";
import { resize } from "./images.js";
import { make, smooth } from "./planes.js";
import { fill } from "./pyramids.js";
import { AWAY } from "./scene.js";
import { GHOST } from "./sources.js";

const KEPT = 45; // degrees of turning up to which auto keeps the scene
const EDGE = 0.12; // cm: how soft the outline of the head is
const OWN = [0.6, 0.95]; // of the matte: where a pixel's colour is the person's alone
const COARSE = 64; // px of a photo for its tone
const LEAST = 0.02; // share of a photo that has to be background for its tone

/** Whether the scene of a head that is turned by an angle in degrees is taken away. */
export const isPlain = (background, angle) =>
  (background === "auto" ? angle > KEPT : background !== "keep");

/**
 * How much of each pixel of a portrait is the person, 0 to 1: the head, whatever the matte says of
 * it, what the matte finds beside it, and what is mirrored as a whole, `far`.
 */
export function findPerson({ camera: { scale }, surface }, reach, matte, far) {
  const head = smooth(new Float32Array(surface), EDGE * scale);
  const [found, core] = [matte.at(reach.place), new Core(reach, scale).at(reach.place)];
  return make(far.length, (i) => {
    // Beside a turned head the photo may show the same head again.
    const again = ramp(core[i], GHOST) * ramp(reach.beside[i], AWAY);
    return clip(Math.max(head[i], found[i] * (1 - reach.turned * again), far[i]), 0, 1);
  });
}

/** The colour of a plain background: the given one, #RRGGBB, or the mean of the photo's own. */
export function chooseColour(background, photo, matte) {
  if (background.startsWith("#")) {
    return [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16));
  }
  const small = resize(photo, COARSE, COARSE, "box").data;
  const along = (at, side) => ((at + 0.5) * side) / COARSE - 0.5;
  const place = [
    make(COARSE ** 2, (i) => along(i % COARSE, photo.width)),
    make(COARSE ** 2, (i) => along((i / COARSE) | 0, photo.height)),
  ];
  let behind = matte.at(place).map((each) => (1 - each) ** 2);
  const total = () => behind.reduce((sum, each) => sum + each, 0);
  if (total() < LEAST * behind.length) behind = behind.map(() => 1);
  return [0, 1, 2].map((c) => behind.reduce((sum, each, i) => sum + each * small[3 * i + c], 0) / total());
}

/**
 * Colours with the person, 0 to 1, before a plain colour.
 *
 * The colour of a pixel that is partly the person's is taken from those that are all the person's.
 */
export function replaceBackground(image, person, colour) {
  const own = person.map((each) => ramp(each, OWN));
  return fill(image, own).map((inner, c) => inner.map((each, i) => {
    const level = each + (image[c][i] - each) * own[i];
    return colour[c] + (level - colour[c]) * person[i];
  }));
}
