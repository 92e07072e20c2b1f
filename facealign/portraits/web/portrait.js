// Makes the portrait of one face of a photo.

import { composePortrait } from "./compose.js";
import { apply, compose, growth, round } from "./geometry.js";
import { crop, shrink } from "./images.js";
import { findMatte } from "./matte.js";
import { SHARPER } from "./pixels.js";
import { aroundBox, read } from "./read.js";

const WIDTH = 3.6; // side of a patch, in sides of the face's box; a portrait shows 2.2
// px of a face's box in a patch: what a portrait of 512 px, 33 cm, can show of a box of 108 px in a
// canonical crop of 128 px, 18 cm.
const DETAIL = round((((SHARPER * 512 * 108) / 128) * 18) / 33);
const LEAST = 3.3; // px of a photo a cm: eyes 20 px apart
const USUAL = { yaw: 0, pitch: 0, background: "auto" };

/** There is no head that could be turned. */
class NoHeadError extends Error {
  name = "NoHeadError";
}

/** The pixels around a box of a photo, shrunk to what is needed, and the transformation to them. */
function cutPatch(photo, [left, top, right, bottom]) {
  const side = Math.max(right - left, bottom - top);
  const span = (low, high, length) => {
    const middle = (low + high) / 2;
    const start = Math.min(Math.max(Math.floor(middle - (WIDTH * side) / 2), 0), length - 1);
    return [start, Math.min(Math.max(Math.ceil(middle + (WIDTH * side) / 2), start + 1), length)];
  };
  const [[x, right_], [y, bottom_]] = [span(left, right, photo.width), span(top, bottom, photo.height)];
  const cut = crop(photo, x, y, right_, bottom_);
  const { image, matrix } = shrink(cut, (WIDTH * DETAIL) / Math.max(cut.width, cut.height));
  return { patch: image, matrix: compose(matrix, [[1, 0, -x], [0, 1, -y]]) };
}

/**
 * The head of a face, by its centre (x, y) and side in px of a photo; `say` is told of each step.
 *
 * It raises a NoHeadError with one line if it cannot be read.
 */
export async function readHead(photo, face, networks, head, say) {
  say("reading the head");
  const half = face.side / 2;
  const box = [face.x - half, face.y - half, face.x + half, face.y + half].map(round);
  const { patch, matrix } = cutPatch(photo, box);
  const corners = [[box[0] - 0.5, box[1] - 0.5], [box[2] - 0.5, box[3] - 0.5]];
  const inPatch = corners.flatMap((corner) => apply(matrix, corner).map((each) => each + 0.5));
  const found = await read(networks.reader, patch, aroundBox(inPatch), head);
  if (found.strange || found.camera.scale / growth(matrix) < LEAST) {
    throw new NoHeadError("it is covered, too small, or no face");
  }
  say("telling the person from the background");
  return { ...found, patch, matte: await findMatte(networks.matte, patch, found.camera) };
}

/**
 * The portrait of a head of `readHead` in `side` px: `image` and, as the photo has it, `before`,
 * bytes [side * side * 3]; the shares of the face that the photo has `seen`, and of the portrait
 * that it holds (`within`); and the `yaw` of the head in the photo, degrees.
 *
 * `options` are as the flags of align: `yaw` and `pitch` in degrees, and `background`: auto, keep,
 * plain or #RRGGBB.
 */
export async function turnHead(read, networks, head, side, say, options = {}) {
  say("turning the head");
  const style = { ...USUAL, ...options };
  const made = await composePortrait(read.patch, read, style, side, networks.completion, head);
  return { ...made, yaw: read.camera.yaw };
}

/** The portrait of a face: `readHead` and `turnHead` in a row. */
export async function makePortrait(photo, face, networks, head, side, say, options = {}) {
  const read = await readHead(photo, face, networks, head, say);
  return turnHead(read, networks, head, side, say, options);
}
