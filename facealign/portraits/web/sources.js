// Where the pixels of a portrait come from: their own place, or the other side of the head.
//
// The near rim of the head and its hair come from their own place, though that is smeared there, so
// that head and scene meet without a seam; so does all of a head that is hardly turned. What is
// hidden further inside comes from the other side, as far as that is shown; the far rim is mirrored
// as a whole (farSide.js), if the matte finds the head.

import { Core } from "./core.js";
import { ramp } from "./geometry.js";
import { FACE, NECK, SKULL } from "./head.js";
import { make, smooth } from "./planes.js";
import { AWAY } from "./scene.js";

const BORDER = 0.02; // share of the photo's shorter side over which its border fades
const FEATHER = 0.19; // cm: how weights are smoothed
const RIM = [0.9, 2]; // cm inside of the outline over which hidden pixels cease to be smeared
const HARDLY = [14, 26]; // degrees of turning over which they cease to be smeared everywhere
export const FAR = [38, 52]; // degrees of turning over which the rim is no longer smeared, but the middle
const HAIR = [-1, 1]; // cm above the eyes over which hair begins
const EDGE = 1; // px: how soft the outline of the head is
const SURE = [0, 0.5]; // of the photo's head: from where the head's own pixels may come
const PERSON = [0.45, 0.65]; // of the matte: what may be smeared over the rim
const JAW = [-8, -5]; // cm above the eyes: under the cheek, all may
export const GHOST = [0.3, 0.9]; // of the photo's head: what would repeat it beside the portrait's
const TINY = 1e-3; // weight that counts as nothing
const [CHOICE, SOFT_CHOICE] = [[0.25, 0.75], 0.13]; // shares of own pixels that choose a side; cm

/** How much of each pixel is one of the photo; the rest is filled. */
export const known = (own, other) => Math.min(1, 2 * (own + other)) ** 2;

/** The share of its own place in a pixel, by the weights of both places; 1 if there is none. */
export const ownShare = (own, other) => (own + TINY) / (own + other + TINY);

/** How much of each pixel is its own, and how much the other side's, 0 to 1. */
export function sharesOf({ ownWeight, otherWeight, choice }) {
  const out = [new Float32Array(choice.length), new Float32Array(choice.length)];
  for (let i = 0; i < choice.length; i++) {
    const [own, other] = [ownWeight[i], otherWeight[i]];
    const replaced = other * (1 - choice[i]);
    const first = known(own, other) * (1 - replaced);
    out[0][i] = first * ownShare(own, other);
    out[1][i] = first * (1 - ownShare(own, other)) + replaced;
  }
  return out;
}

/** How far places are inside of a photo, 0 to 1. */
export function hold([xs, ys], { width, height }) {
  const border = Math.max(2, BORDER * Math.min(width, height));
  return make(xs.length, (i) => ramp(
    Math.min(xs[i], ys[i], width - 1 - xs[i], height - 1 - ys[i]), [-0.5 * border, 1.5 * border]));
}

/**
 * Where the pixels of a view come from: places `own` and `other` in px of the photo, their weights
 * `ownWeight` and `otherWeight`, the `choice`, 1 where detail is of the place itself; how much both
 * are `alike` and may be mixed; and how much is of a `far` side that is mirrored as a whole.
 *
 * `held` is how far the view is inside of the photo, from `hold`.
 */
export function findSources(view, reach, held, photo) {
  const { camera: { scale }, surface } = view;
  const core = new Core(reach, scale);
  const { own, other, ownPlace, otherPlace } = withMiddle(view, reach, core);
  const inside = core.at(ownPlace);
  const shown = soften(own.map((each, i) => each * held[i] * ramp(inside[i], SURE)), scale);
  const smeared = findSmeared(view, reach);
  const kept = shown.map((each, i) => Math.max(each, smeared[i] * held[i]));
  const scene = held.map((each, i) =>
    each * (1 - 0.95 * reach.turned * ramp(inside[i], GHOST) * ramp(reach.beside[i], AWAY)));
  // Head and scene meet in a soft edge, so each is needed a little beyond it.
  const edge = smooth(new Float32Array(surface), EDGE);
  const weight = edge.map((share, i) => {
    const beside = scene[reach.offHead[i]];
    return 1 - reach.turned * (1 - (beside + (kept[reach.onHead[i]] - beside) * share));
  });
  const [otherHeld, otherInside] = [hold(otherPlace, photo), core.at(otherPlace)];
  const rest = soften(other.map((each, i) => each * otherHeld[i] * ramp(otherInside[i], SURE)), scale);
  const otherWeight = edge.map((share, i) => rest[reach.onHead[i]] * share * (1 - weight[i]));
  const place = otherPlace.map((axis) => make(axis.length, (i) => axis[reach.onHead[i]]));
  const none = new Float32Array(edge.length);
  return create(ownPlace, place, weight, otherWeight, otherWeight, none, scale);
}

/** Places and weights of both sides; the middle of a profile, which neither shows, is smeared. */
function withMiddle({ surface, part, own, other }, reach, core) {
  const far = ramp(reach.angle, FAR);
  const sides = { own: own.weight, other: other.weight, ownPlace: reach.place, otherPlace: other.place };
  if (!far) return sides;
  const face = (i) => surface[i] && part[i] === FACE;
  const inner = (place) => {
    const moved = core.moveInside(place);
    return place.map((axis, k) => axis.map((each, i) => (face(i) ? moved[k][i] : each)));
  };
  const missing = make(surface.length, (i) =>
    (face(i) ? far * (1 - Math.min(1, 2 * (own.weight[i] + other.weight[i]))) : 0));
  const nearer = (i) => own.facing[i] >= other.facing[i];
  return {
    own: own.weight.map((each, i) => Math.max(each, nearer(i) ? missing[i] : 0)),
    other: other.weight.map((each, i) => Math.max(each, nearer(i) ? 0 : missing[i])),
    ownPlace: inner(reach.place),
    otherPlace: inner(other.place),
  };
}

/** Sources with a far side; nothing else of the scene is mirrored. `scale`: px a cm. */
export function replaceSide(sources, { share, place: sidePlace, alike }, scale) {
  const rest = sources.otherWeight.map((each, i) => each * (1 - share[i]));
  const place = sources.other.map((axis, k) =>
    axis.map((each, i) => (alike[i] > rest[i] ? sidePlace[k][i] : each)));
  const own = sources.ownWeight.map((each, i) => each * (1 - share[i]));
  const other = rest.map((each, i) => each + share[i]);
  const mixed = other.map((each, i) => Math.max(each, alike[i]));
  return create(sources.own, place, own, other, mixed, share, scale);
}

function create(own, other, ownWeight, otherWeight, alike, far, scale) {
  const shares = ownWeight.map((each, i) => each / (each + otherWeight[i] + TINY));
  const choice = smooth(shares, SOFT_CHOICE * scale).map((each) => ramp(each, CHOICE));
  return { own, other, ownWeight, otherWeight, choice, alike, far };
}

/** How much the place itself is taken, 0 to 1, whatever the photo shows of it. */
function findSmeared({ size, camera: { scale }, eyes, surface, part }, reach) {
  const person = smooth(reach.person, FEATHER * scale);
  const [still, hardly] = [1 - ramp(reach.angle, FAR), 1 - ramp(reach.angle, HARDLY)];
  return make(person.length, (i) => {
    const height = (eyes - ((i / size) | 0)) / scale;
    const hair = part[i] === SKULL ? ramp(height, HAIR) : 0;
    const neck = surface[i] && part[i] === NECK ? 1 : 0; // it does not turn as the head does
    const smeared = Math.max(1 - ramp(reach.inside[i], RIM), hair, neck) * still;
    const behind = 1 - ramp(person[i], PERSON);
    return Math.max(smeared, hardly) * (1 - behind * ramp(height, JAW));
  });
}

function soften(weight, scale) {
  const soft = smooth(weight, FEATHER * scale);
  return weight.map((each, i) => Math.min(each, soft[i]));
}
