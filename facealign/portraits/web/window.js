// The part of the portrait frame that a photo fills, so that nothing large is invented.

import { clip, round } from "./geometry.js";
import { sideOf } from "./planes.js";

const [FRAME, CROP, CROP_SIDE, ABOVE, EYES] = [33, 18, 128, 6.5625, 53.5]; // cm, cm, px, cm, px; as frame.py
const SMALLEST = 17 / FRAME; // side of the smallest window, which shows the face
const [OVER, UNDER] = [4.2, 11.5]; // cm over and under the eyes that every window shows: brows and chin
const STEPS = 48; // sides that are tried
const HELD = 0.995; // share of a window that the photo has to fill
const COARSE = 96; // px of the frame in which it is searched
const CROP_TOP = ABOVE / FRAME; // of the canonical crop in the frame
const EYES_AT = CROP_TOP + ((EYES / CROP_SIDE) * CROP) / FRAME;
const [TOP, BOTTOM] = [EYES_AT - OVER / FRAME, EYES_AT + UNDER / FRAME];

/**
 * The largest square around the face that a photo fills, as shares of the frame: left, top, side.
 *
 * It lies in the middle of the frame from left to right and shows the face from the brows to the
 * chin. If the photo fills none, it is the smallest with the most of the photo. `held` is what of
 * the frame is within the photo, 0 to 1.
 */
export function chooseWindow(held) {
  const [whole, every] = [sideOf(held), Math.max(1, Math.floor(sideOf(held) / COARSE))];
  const size = Math.ceil(whole / every);
  const sums = new Float64Array((size + 1) ** 2);
  for (let row = 0; row < size; row++) {
    for (let column = 0, sum = 0; column < size; column++) {
      sum += held[every * (row * whole + column)];
      sums[(row + 1) * (size + 1) + column + 1] = sums[row * (size + 1) + column + 1] + sum;
    }
  }
  let best;
  for (let step = 0; step < STEPS; step++) {
    const share = 1 + (step / (STEPS - 1)) * (SMALLEST - 1);
    const side = round(share * size);
    const left = Math.floor((size - side) / 2);
    const lowest = Math.max(0, round(BOTTOM * size) - side);
    const highest = Math.max(lowest, Math.min(size - side, round(TOP * size)));
    best = null;
    for (let top = lowest; top <= highest; top++) {
      const at = (row, column) => sums[row * (size + 1) + column];
      const area = at(top + side, left + side) - at(top, left + side) - at(top + side, left) + at(top, left);
      const found = Math.min(area / side ** 2, HELD);
      // Of equal ones that in which the face is as high as in the whole frame.
      const away = Math.abs(top - CROP_TOP * size * (1 - share));
      const better = !best || found > best.found || (found === best.found && away < best.away);
      if (better) best = { found, away, left: left / size, top: top / size, side: side / size };
    }
    if (best.found >= HELD) break;
  }
  return { left: best.left, top: best.top, side: best.side };
}

/** The first of two pixels of `count` at each of `size` pixels of a window, and the second's share. */
function findPixels(start, side, size, count) {
  const [first, share] = [new Int32Array(size), new Float32Array(size)];
  for (let i = 0; i < size; i++) {
    const place = ((i + 0.5) * (side / size) + start) * count - 0.5;
    first[i] = clip(Math.floor(place), 0, count - 2);
    share[i] = place - first[i];
  }
  return { first, share };
}

/**
 * Planes of a window of a portrait frame in `size` px; of all its pixels, or of `some` indices.
 *
 * Linear, also half a pixel beyond the border, so that values may leave their range.
 */
export function enlarge(planes, { left, top, side }, size, some = null) {
  const count = sideOf(planes[0]);
  const [across, down] = [left, top].map((start) => findPixels(start, side, size, count));
  return planes.map((plane) => {
    const out = new Float32Array(some ? some.length : size * size);
    for (let k = 0; k < out.length; k++) {
      const i = some ? some[k] : k;
      const row = (i / size) | 0;
      const column = i - row * size;
      const at = down.first[row] * count + across.first[column];
      const right = across.share[column];
      const upper = plane[at] + (plane[at + 1] - plane[at]) * right;
      const lower = plane[at + count] + (plane[at + count + 1] - plane[at + count]) * right;
      out[k] = upper + (lower - upper) * down.share[row];
    }
    return out;
  });
}
