// Where a photo surely shows the head, by the outline of the fitted head.

import { applyAll, invert, ramp } from "./geometry.js";
import { lookUp, mark, nearest, sideOf, smooth } from "./planes.js";

const INSET = 0.26; // cm: how far inside the photo's head is sure
const INSIDE = [0.3, 0.7]; // of the photo's head: where places of profiles stay

export class Core {
  /** Of a portrait's reach, and px a cm of its frame. */
  constructor(reach, scale) {
    [this.matrix, this.inverse] = [reach.upright, invert(reach.upright)];
    const inset = INSET * scale;
    this.map = smooth(new Float32Array(shrunk(reach.outline, inset)), inset / 2);
  }

  /** How surely it does at places in px of the photo, 0 to 1. */
  at(place) {
    return lookUp(this.map, applyAll(this.inverse, place));
  }

  /** Places in px of the photo, those beside the head moved to the nearest in it. */
  moveInside(place) {
    const side = sideOf(this.map);
    const { at } = nearest(mark(this.map.length, (i) => this.map[i] > 0.5));
    const places = [Float32Array.from(at, (i) => i % side), Float32Array.from(at, (i) => (i / side) | 0)];
    const upright = applyAll(this.inverse, place);
    const inner = places.map((axis) => lookUp(smooth(axis, 1), upright)); // they are whole numbers
    const moved = applyAll(this.matrix, inner);
    const core = lookUp(this.map, upright);
    return place.map((axis, k) => axis.map((each, i) => {
      const stays = ramp(core[i], INSIDE);
      return each * stays + moved[k][i] * (1 - stays);
    }));
  }
}

/** The pixels of a mask that are more than so many px inside; fast for few px. */
function shrunk(mask, radius) {
  const [size, reach] = [sideOf(mask), Math.trunc(radius)];
  const steps = Array.from({ length: 2 * reach + 1 }, (_, k) => k - reach);
  const around = steps.flatMap((down) => steps.map((across) => [down, across]))
    .filter(([down, across]) => down ** 2 + across ** 2 <= radius ** 2);
  return mark(mask.length, (i) => mask[i] && around.every(([down, across]) => {
    const [row, column] = [((i / size) | 0) + down, (i % size) + across];
    return row >= 0 && row < size && column >= 0 && column < size && mask[row * size + column];
  }));
}
