// The light of one side of a face on pixels of the other side.

import { clip, ramp } from "./geometry.js";
import { FACE } from "./head.js";
import { make, sideOf, smooth } from "./planes.js";
import { double, fill, halve } from "./pyramids.js";

const [WIDE, SOFT] = [1.3, 0.78]; // cm over which the light of both sides is compared, and smoothed
const REACH = [0.65, 3.9]; // cm beside the head from which it fades, and over which
const [RANGE, DARK] = [1.2, 8]; // largest log ratio of light; gray level added to it
const ENOUGH = 0.3; // how well both sides have to be shown
const YAWS = [28, 48]; // degrees over which the two sides have less and less in common

/**
 * How much brighter the light is than on the other side, smooth, three planes; see `relight`.
 *
 * `own` and `other` are the colours of both sides, `both` how well both are shown, and `yaw` that
 * of the head in the photo.
 */
export function compareLight(own, other, both, view, reach, yaw) {
  const { camera: { scale }, surface, part } = view;
  const weight = both.map((each, i) => (each > ENOUGH && surface[i] && part[i] === FACE ? each : 0));
  // All is smooth from here on, so half the pixels are enough.
  const known = smooth(halve(weight), (WIDE * scale) / 2);
  const ratios = own.map((plane, c) => make(plane.length, (i) => {
    if (!weight[i]) return 0;
    const ratio = Math.log(Math.max(plane[i], 0) + DARK) - Math.log(Math.max(other[c][i], 0) + DARK);
    return clip(ratio, -RANGE, RANGE) * weight[i];
  }));
  const wide = ratios.map((ratio) =>
    smooth(halve(ratio), (WIDE * scale) / 2).map((each, i) => each / (known[i] + 0.03)));
  const [start, width] = REACH;
  const fade = reach.beside.map((each) => Math.exp(-((Math.max(0, each - start) / width) ** 2)));
  return fill(wide, known.map((each) => Math.min(1, 4 * each))).map((light) =>
    double(smooth(light, (SOFT * scale) / 2), sideOf(both))
      .map((each, i) => Math.exp(each * fade[i] * (1 - ramp(Math.abs(yaw), YAWS)))));
}

/** The colours of a portrait's own places and of the other side, and its light. */
export function readSides(pixels, camera, view, reach, sources) {
  const [own, other] = [pixels.at(sources.own), pixels.at(sources.other)];
  const both = sources.ownWeight.map((each, i) => Math.min(each, view.other.weight[i]));
  return { own, other, light: compareLight(own, other, both, view, reach, camera.yaw) };
}

/** Colours of the other side in the light of this one, 0 to 255. */
export const relight = (colours, light) => colours.map((plane, c) =>
  plane.map((each, i) => clip((each + DARK) * light[c][i] - DARK, 0, 255)));
