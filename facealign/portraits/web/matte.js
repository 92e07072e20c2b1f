// The matte of a head's photo: how much of each pixel is the person, with hair and shoulders. A
// network sees a window around the head; the edges of what it says are drawn to those of the photo.

import { applyAll, clip } from "./geometry.js";
import { cropLarge } from "./images.js";
import { lookUp, make, sideOf } from "./planes.js";
import { halveFlat } from "./pyramids.js";
import { aroundHead } from "./read.js";

const [SIZE, WIDTH] = [128, 40]; // px and cm of the window that the network sees
const FINE = 2; // px of the refined matte a px of the network's
const [REACH, FLAT] = [4, 2e-4]; // px and squared contrast from which on edges of the photo count
const SURE = [0.08, 0.92]; // of the refined matte: what counts as nothing, and as all

export class Matte {
  /** Of a plane of a window, 0 to 1, and the transformation from the photo to it. */
  constructor(alpha, toWindow) {
    Object.assign(this, { alpha, toWindow });
  }

  /** The matte at places of the photo; beyond the window that of its border. */
  at(places) {
    return lookUp(this.alpha, applyAll(this.toWindow, places));
  }
}

/** The matte of a photo in colour, of the person whose head its camera sees. */
export async function findMatte(program, photo, camera) {
  const [side, matrix] = [FINE * SIZE, aroundHead(camera, FINE * SIZE, WIDTH)];
  const { data } = cropLarge(photo, matrix, side);
  const window = [0, 1, 2].map((c) => make(side * side, (i) => data[3 * i + c] / 255));
  const small = window.map(halveFlat);
  const seen = make(3 * SIZE * SIZE, (i) => 2 * small[i % 3][(i / 3) | 0] - 1);
  const { alpha } = await program({ windows: [seen, [1, SIZE, SIZE, 3]] });
  return new Matte(refine(enlarge(alpha, FINE), window), matrix);
}

/** A plane with so many times the pixels a side, linear. */
function enlarge(plane, times) {
  const side = sideOf(plane) * times;
  const along = (i) => (i + 0.5) / times - 0.5;
  return lookUp(plane, [make(side * side, (i) => along(i % side)), make(side * side, (i) => along((i / side) | 0))]);
}

/**
 * A matte whose edges are those of three planes of colours from 0 to 1.
 *
 * Around each pixel the matte is taken to be a linear function of the colours (He et al., 2010).
 */
export function refine(alpha, colours) {
  const [means, average] = [colours.map(mean), mean(alpha)];
  const spread = (a, b, meanA, meanB) => {
    const shared = mean(a.map((each, i) => each * b[i]));
    return shared.map((each, i) => each - meanA[i] * meanB[i]);
  };
  const pairs = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]]
    .map(([j, k]) => spread(colours[j], colours[k], means[j], means[k]));
  const shared = colours.map((plane, k) => spread(plane, alpha, means[k], average));
  const slopes = colours.map(() => new Float32Array(alpha.length));
  const offset = new Float32Array(alpha.length);
  const [reds, redGreens, redBlues, greens, greenBlues, blues] = pairs;
  for (let i = 0; i < alpha.length; i++) {
    const [rr, rg, rb] = [reds[i] + FLAT, redGreens[i], redBlues[i]];
    const [gg, gb, bb] = [greens[i] + FLAT, greenBlues[i], blues[i] + FLAT];
    // The inverse of a symmetric matrix of three rows, by their products.
    const [a, b, c] = [gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - gg * rb];
    const [d, e, f] = [rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg];
    const [p, q, r] = [shared[0][i], shared[1][i], shared[2][i]];
    const size = rr * a + rg * b + rb * c;
    slopes[0][i] = (a * p + b * q + c * r) / size;
    slopes[1][i] = (b * p + d * q + e * r) / size;
    slopes[2][i] = (c * p + e * q + f * r) / size;
    offset[i] = average[i] - slopes[0][i] * means[0][i] - slopes[1][i] * means[1][i]
      - slopes[2][i] * means[2][i];
  }
  const [along, rest] = [slopes.map(mean), mean(offset)];
  return make(alpha.length, (i) => {
    const refined = along.reduce((sum, plane, k) => sum + plane[i] * colours[k][i], rest[i]);
    return clip((refined - SURE[0]) / (SURE[1] - SURE[0]), 0, 1);
  });
}

/** The mean of the pixels up to REACH px around each; beyond the border that is repeated. */
function mean(plane) {
  const [side, out] = [sideOf(plane), new Float32Array(plane.length)];
  const line = new Float64Array(side + 2 * REACH); // with what is beyond the border
  let from = plane;
  for (const step of [side, 1]) {
    for (let number = 0; number < side; number++) {
      const start = step === 1 ? number * side : number;
      for (let k = 0; k < line.length; k++) line[k] = from[start + clip(k - REACH, 0, side - 1) * step];
      let sum = 0;
      for (let k = 0; k < 2 * REACH; k++) sum += line[k];
      for (let k = 0; k < side; k++) {
        sum += line[k + 2 * REACH];
        out[start + k * step] = sum / (2 * REACH + 1);
        sum -= line[k];
      }
    }
    from = out;
  }
  return out;
}
