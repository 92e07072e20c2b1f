// Mends a portrait by a network: what no pixel of the photo shows, and what turning got wrong.
//
// The network sees a thumbnail of the whole frame. What it adds is enlarged; where that is much, the
// portrait's own details are faults, and fade.

import { GRID, clip, ramp } from "./geometry.js";
import { make, smooth } from "./planes.js";
import { halveFlat } from "./pyramids.js";
import { sharesOf } from "./sources.js";
import { inFace } from "./turn.js";

const FADE = [8, 32]; // gray levels added over which details of the portrait fade
const SOFT = 2; // px of the grid: how that is smoothed
const BLUR = 1.25; // px of the grid: what is left of a portrait without its details, as in a thumbnail
const NEAR = [0, 2.5]; // cm beside the head over which nothing is the head any more

/**
 * What is `added` to a portrait on the coarse grid, how much its details fade (`fades`), and to
 * what (`plain`). `coarse` are its colours, `yaw` that of the head in the photo in degrees.
 */
export async function mend(coarse, layout, yaw, program) {
  const said = await program(see(coarse, layout, yaw));
  const strength = 127.5 * layout.reach.turned;
  const added = coarse.map((plane, c) => make(plane.length, (i) => said.added[3 * i + c] * strength));
  const much = make(GRID * GRID, (i) => added.reduce((sum, plane) => sum + Math.abs(plane[i]), 0) / 3);
  const fades = smooth(much, SOFT).map((each) => ramp(each, FADE));
  return { added, fades, plain: coarse.map((plane) => smooth(plane, BLUR)) };
}

/** What the network sees: whole gray levels in [-1, 1], maps of half the size, and the yaw. */
function see(coarse, layout, yaw) {
  const [levels, maps] = [coarse.map((plane) => new Uint8ClampedArray(plane)), drawMaps(layout)];
  const [count, half] = [maps.length, GRID / 2];
  return {
    portraits: [make(3 * GRID * GRID, (i) => levels[i % 3][(i / 3) | 0] / 127.5 - 1), [1, GRID, GRID, 3]],
    maps: [make(count * half * half, (i) => maps[i % count][(i / count) | 0]), [1, half, half, count]],
    yaw: [Float32Array.of(yaw), [1]],
  };
}

/** The maps of a portrait frame, 0 to 1: the seven of models/completion.py, in its order. */
function drawMaps({ view, reach, held, sources }) {
  const { surface, part, own } = view;
  const maps = [
    ...sharesOf(sources),
    make(part.length, (i) => (surface[i] && inFace(part[i]) ? 1 : 0)),
    reach.beside.map((each) => 1 - ramp(each, NEAR)),
    own.facing.map((each, i) => each * surface[i]),
    reach.person.map((each, i) => Math.max(each, sources.far[i])),
    held,
  ];
  return maps.map((map) => halveFlat(map.map((each) => clip(each, 0, 1))));
}
