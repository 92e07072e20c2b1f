// Reads the pixels of a photo at any places.

import { clip } from "./geometry.js";
import { shrink } from "./images.js";

export const SHARPER = 1.25; // a photo has at most so many times the pixels of what is made of it

/** A photo that is read bicubically; beyond its border that is repeated. */
export class Pixels {
  /** Of a photo in colour; `detail` px are made of a px of it. It is averaged before, if few are. */
  constructor(photo, detail) {
    Object.assign(this, shrink(photo, SHARPER * detail));
  }

  /** The colours, three planes, of places in px of the photo. */
  at([xs, ys]) {
    const { image: { width, height, data }, matrix: [[across, , right], [, down, lower]] } = this;
    const [reds, greens, blues] = [0, 1, 2].map(() => new Float32Array(xs.length));
    const [columns, weights, weightsDown] = [new Int32Array(4), new Float64Array(4), new Float64Array(4)];
    for (let i = 0; i < xs.length; i++) {
      const x = clip(xs[i] * across + right, 0, width - 1);
      const y = clip(ys[i] * down + lower, 0, height - 1);
      const left = Math.floor(x);
      const top = Math.floor(y);
      weigh(x - left, weights);
      weigh(y - top, weightsDown);
      for (let k = 0; k < 4; k++) columns[k] = 3 * clip(left - 1 + k, 0, width - 1);
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let j = 0; j < 4; j++) {
        const row = 3 * width * clip(top - 1 + j, 0, height - 1);
        for (let k = 0; k < 4; k++) {
          const weight = weightsDown[j] * weights[k];
          const at = row + columns[k];
          red += weight * data[at];
          green += weight * data[at + 1];
          blue += weight * data[at + 2];
        }
      }
      reds[i] = red;
      greens[i] = green;
      blues[i] = blue;
    }
    return [reds, greens, blues];
  }
}

/** Weights of the pixels at -1, 0, 1 and 2 for a place f between 0 and 1 (Keys, 1981). */
function weigh(f, weights) {
  weights[0] = (f * (f * (2 - f) - 1)) / 2;
  weights[1] = (f * f * (3 * f - 5) + 2) / 2;
  weights[2] = (f * (f * (4 - 3 * f) + 1)) / 2;
  weights[3] = (f * f * (f - 1)) / 2;
}
