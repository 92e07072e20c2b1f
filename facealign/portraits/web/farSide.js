// The far side of a portrait from the front: the near one, mirrored as the portrait shows it.
//
// Ears and hair stick out of the fitted head, and beside a far cheek the photo shows the background;
// what is mirrored point by point ends at the head's outline, or is not there. Hair further out
// stays: it differs more between the sides, and with all of it heads look too wide.

import { clip, ramp, round } from "./geometry.js";
import { NECK } from "./head.js";
import { make, smallest, smooth } from "./planes.js";

// Lengths in cm, heights above the eyes.
const LOWER = [-13, -11]; // heights of the lower end of what is mirrored
export const SIDE = [1.5, 3.5]; // beside the middle of the portrait, over which its far side begins
const [EAR, JAW] = [[1.2, 2], [0.1, 0.5]]; // beside the head: how far ears and hair, and jaws, reach
const [LOBES, HAIRLINE] = [[-7.5, -5.5], [1.5, 4]]; // heights over which ears and hair begin
// A mirrored neck would end in a step: heights over which what is beside the head begins; below, only
// a soft EDGE is; cm beside the middle over which a neck ceases to be; its share around a pixel.
const [BESIDE, EDGE, THROAT, NECK_SHARE] = [[-9, -7.5], [0, 0.3], [2.5, 4], [0.2, 0.8]];
const LEAST_HEAD = 0.25; // share of head around a pixel below which its neck counts less
const PERSON = [0.75, 0.95]; // of the matte: what is mirrored
// How well the photo has to show what is not replaced: skin, and hair, which differs more between
// the two sides; smoothed by cm.
const [SKIN, TRESS, SOFT] = [[0.35, 0.75], [0.05, 0.35], 0.2];
const [BACKGROUND, MARGIN, FEATHER] = [[0.5, 0.9], 0.25, 0.15]; // of the matte: what is; near it; its softness
const [TURNED, ASIDE] = [[9, 12], [0.1, 0.17]]; // degrees that a photo has to be turned; to that side
const AHEAD = [0.03, 0.1]; // sine of the yaw of the portrait, which has to look ahead

/**
 * The far side, to be seen where the photo does not show the head itself; none without a matte: the
 * `place` in px of the photo; whether that is `usable`; the `share` that is to be seen; and how much
 * it is `alike` and may be mixed with what it replaces.
 *
 * `own` is how much each pixel is from its own place, 0 to 1.
 */
export function mirrorSide(view, reach, own) {
  const { size, camera, surface, eyes } = view;
  const out = outwards(view, reach);
  const across = out.map((_, column) => round(2 * camera.shift[0] - column));
  const far = out.map((each, column) =>
    (across[column] >= 0 && across[column] < size ? ramp(each, SIDE) : 0));
  const from = (i) => i - (i % size) + clip(across[i % size], 0, size - 1);
  const turned = reach.agrees * ramp(reach.angle, TURNED) * ramp(Math.abs(reach.way), ASIDE)
    * (1 - ramp(Math.abs(camera.rotation[0][2]), AHEAD));
  const usable = make(own.length, (i) => turned * own[from(i)] * ramp(reach.person[from(i)], PERSON));
  const missing = findMissing(view, reach);
  const neck = findNeck(view, reach);
  const share = make(own.length, (i) => {
    const height = (eyes - ((i / size) | 0)) / camera.scale;
    const all = surface[i] ? missing[i] : around(reach.beside[i], height);
    const shown = all * (1 - neck[i] * ramp(out[i % size], THROAT));
    return usable[i] * far[i % size] * ramp(height, LOWER) * shown;
  });
  const place = reach.place.map((axis) => make(axis.length, (i) => axis[from(i)]));
  return { place, usable: usable.map((each, i) => (far[i % size] > 0 ? each : 0)), share, alike: share };
}

/** How far the columns of a portrait are on its far side, cm from the middle. */
export const outwards = ({ size, camera }, { way }) =>
  Float64Array.from({ length: size }, (_, column) => ((column - camera.shift[0]) * Math.sign(way)) / camera.scale);

/** Where the photo does not show the head: hidden, or in truth the background. */
function findMissing({ size, camera: { scale }, eyes, own }, reach) {
  const weight = smooth(own.weight, SOFT * scale);
  const person = smooth(smallest(reach.person, 2 * round(MARGIN * scale) + 1), FEATHER * scale);
  return make(weight.length, (i) => {
    const high = ramp((eyes - ((i / size) | 0)) / scale, HAIRLINE);
    const shown = ramp(weight[i], SKIN) * (1 - high) + ramp(weight[i], TRESS) * high;
    return Math.max(1 - shown, 1 - ramp(person[i], BACKGROUND));
  });
}

/** How much of the neck, or of what is beside it, 0 to 1. */
function findNeck({ surface, part, camera: { scale } }, { onHead }) {
  const head = smooth(new Float32Array(surface), SOFT * scale);
  const neck = smooth(make(part.length, (i) => (surface[i] && part[i] === NECK ? 1 : 0)), SOFT * scale);
  const around = neck.map((each, i) => ramp(each / Math.max(head[i], LEAST_HEAD), NECK_SHARE));
  return around.map((_, i) => around[onHead[i]]);
}

/** What ears and jaws may cover at so many cm beside the head. */
function around(beside, height) {
  const [ear, wide, edge] = [EAR, JAW, EDGE].map((reach) => 1 - ramp(beside, reach));
  const jaw = edge + (wide - edge) * ramp(height, BESIDE);
  return jaw + (ear - jaw) * ramp(height, LOBES);
}
