// Portraits from the photo's own pixels: what it shows, what the other side shows, and the rest.
//
// The head is turned in 3D, the scene stays. Hidden pixels are those of the other side of the head,
// in the light of this side; what neither side shows is filled smoothly; a network may mend the rest.

import { chooseColour, findPerson, isPlain, replaceBackground } from "./background.js";
import { mend } from "./completion.js";
import { GRID, applyAll, clip } from "./geometry.js";
import { FACE } from "./head.js";
import { layOut } from "./layout.js";
import { blend, paint } from "./paint.js";
import { Pixels } from "./pixels.js";
import { pixelsOf } from "./planes.js";
import { chooseWindow, enlarge } from "./window.js";

/**
 * The portrait of a head that is `read` in a photo, `size` px: {image, before, seen, within}.
 *
 * `style` has `yaw` and `pitch` in degrees and `background`: auto, keep, plain or #RRGGBB.
 */
export async function composePortrait(photo, read, style, size, program, head) {
  const { camera, matte } = read;
  const layout = layOut(photo, read, matte, [style.yaw, style.pitch], head);
  const { view, reach, held, sources } = layout;
  const window = chooseWindow(held);
  const coarse = reach.turned ? blend(photo, camera, layout) : null;
  let image = paint(photo, camera, layout, coarse, window, size);
  const large = (...planes) => enlarge(planes, window, size);
  if (coarse && style.yaw === 0 && style.pitch === 0) { // it learned portraits from the front alone
    const { added, fades, plain } = await mend(coarse.image, layout, camera.yaw, program);
    const [more, softer, [fade]] = [large(...added), large(...plain), large(fades)];
    image = image.map((plane, c) => plane.map((each, i) =>
      each + (softer[c][i] - each) * clip(fade[i], 0, 1) + more[c][i]));
  }
  if (reach.agrees && isPlain(style.background, reach.angle)) {
    const [person] = large(findPerson(view, reach, matte, sources.far));
    const colour = chooseColour(style.background, photo, matte);
    image = replaceBackground(image, person.map((each) => clip(each, 0, 1)), colour);
  }
  const places = enlarge(applyAll(reach.upright, pixelsOf(GRID)), window, size);
  const detail = ((size / (window.side * GRID)) * view.camera.scale) / camera.scale;
  return {
    image: bytes(image),
    before: bytes(new Pixels(photo, detail).at(places)),
    seen: seenOf(layout),
    within: meanOf(enlarge([held], window, GRID)[0].map((each) => clip(each, 0, 1))),
  };
}

/** Planes of colours as bytes [N * 3]. */
function bytes(planes) {
  const out = new Uint8ClampedArray(3 * planes[0].length);
  planes.forEach((plane, c) => plane.forEach((each, i) => { out[3 * i + c] = each; }));
  return out;
}

const meanOf = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** The share of the face that the photo shows, 0 to 1. */
function seenOf({ view, reach, held }) {
  const face = (_, i) => view.surface[i] && view.part[i] === FACE;
  const shown = held.map((each, i) => each * (1 - reach.turned * (1 - view.own.weight[i]))).filter(face);
  return shown.length ? meanOf(shown) : 0;
}
