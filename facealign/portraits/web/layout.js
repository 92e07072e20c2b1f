// Where the pixels of a portrait frame come from, found on a coarse grid, once for all sizes.

import { mirrorSide } from "./farSide.js";
import { GRID } from "./geometry.js";
import { readSides, relight } from "./light.js";
import { Pixels } from "./pixels.js";
import { mapScene } from "./scene.js";
import { moveSeam } from "./seam.js";
import { findSources, hold, replaceSide } from "./sources.js";
import { portraitCamera, viewHead } from "./turn.js";

/**
 * Where the pixels of a head's portrait come from: its `view`, its `reach` of the photo, how far
 * that is `held` inside of it, and its `sources`.
 *
 * `read` has the head, fitted to the photo, and its camera there; `angles` are the yaw and pitch of
 * the head in the portrait, in degrees.
 */
export function layOut(photo, read, matte, angles, head) {
  const camera = portraitCamera(read.marks, GRID, angles);
  const view = viewHead(head, read, read.camera, camera, GRID);
  const reach = mapScene(view, head, read.points, read.camera, matte);
  const held = hold(reach.place, photo);
  let sources = findSources(view, reach, held, photo);
  let side = mirrorSide(view, reach, sources.ownWeight);
  if (side.usable.some((each) => each > 0)) {
    const pixels = new Pixels(photo, camera.scale / read.camera.scale);
    const { own, light } = readSides(pixels, read.camera, view, reach, sources);
    side = moveSeam(side, own, relight(pixels.at(side.place), light), view, reach);
    sources = replaceSide(sources, side, camera.scale);
  }
  return { view, reach, held, sources };
}
