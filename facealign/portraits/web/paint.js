// Paints a portrait: own pixels, those of the other side in this side's light, and filled holes.
//
// Light and blending are found on the coarse grid of the layout; details are read at any size.

import { GRID, clip } from "./geometry.js";
import { readSides, relight } from "./light.js";
import { Pixels } from "./pixels.js";
import { fill, keep } from "./pyramids.js";
import { known as knownOf, ownShare } from "./sources.js";
import { indices, make } from "./planes.js";
import { enlarge } from "./window.js";

/**
 * The `light` of the other side, what is `filled` since neither side shows it, how much is `known`,
 * what blending `moved`, and the coarse portrait itself, `image`.
 */
export function blend(photo, camera, { view, reach, sources }) {
  const pixels = new Pixels(photo, view.camera.scale / camera.scale);
  const { own, other: unlit, light } = readSides(pixels, camera, view, reach, sources);
  const other = relight(unlit, light);
  const { ownWeight, otherWeight, choice, alike } = sources;
  const known = make(choice.length, (i) => knownOf(ownWeight[i], otherWeight[i]));
  const mixed = mix(own, other, ownWeight, otherWeight);
  const filled = fill(mixed, known);
  const differing = filled.map((plane, c) => plane.map((each, i) => (each - other[c][i]) * alike[i]));
  const moved = differing.map((plane) =>
    keep(plane, choice).map((each, i) => each - plane[i] * choice[i]));
  const image = filled.map((plane, c) => plane.map((each, i) => {
    const first = each + (mixed[c][i] - each) * known[i];
    const replaced = otherWeight[i] * (1 - choice[i]);
    return clip(first + moved[c][i] - (first - other[c][i]) * replaced, 0, 255);
  }));
  return { light, filled, known, moved, image };
}

/** The colours, three planes, of a window of a portrait frame; `coarse` is null if nothing is turned. */
export function paint(photo, camera, { view, sources }, coarse, window, size) {
  const pixels = new Pixels(photo, ((size / (window.side * GRID)) * view.camera.scale) / camera.scale);
  const image = pixels.at(enlarge(sources.own, window, size));
  if (!coarse) return image;
  const { ownWeight, otherWeight, choice, alike } = sources;
  const others = alike.map((each, i) => Math.max(each > 0 ? 1 : 0, 1 - coarse.known[i]));
  const [needed] = enlarge([others], window, size);
  const some = Int32Array.from(indices(needed.length, (i) => needed[i] > 0));
  const part = (planes) => enlarge(planes, window, size, some);
  const [weight, rest, chosen, known] = part([ownWeight, otherWeight, choice, coarse.known])
    .map((plane) => plane.map((each) => clip(each, 0, 1)));
  const other = relight(pixels.at(part(sources.other)), part(coarse.light));
  const first = mix(image.map((plane) => make(some.length, (k) => plane[some[k]])), other, weight, rest);
  const [filled, moved] = [part(coarse.filled), part(coarse.moved)];
  image.forEach((plane, c) => some.forEach((i, k) => {
    const own = filled[c][k] + (first[c][k] - filled[c][k]) * known[k];
    plane[i] = own + moved[c][k] - (own - other[c][k]) * rest[k] * (1 - chosen[k]);
  }));
  return image;
}

const mix = (own, other, weight, rest) => other.map((plane, c) => plane.map((each, i) =>
  each + (own[c][i] - each) * ownShare(weight[i], rest[i])));
