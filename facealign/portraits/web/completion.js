// Mends a portrait by a network: what no pixel of the photo shows, and what turning got wrong.
//
// The network sees a thumbnail of the whole frame. What it adds is enlarged; where that is much, the
// portrait's own details are faults, and fade.

import { GRID, clip, ramp } from "./geometry.js";
import { make, smooth } from "./planes.js";
import { halveFlat } from "./pyramids.js";
import { FAR, sharesOf } from "./sources.js";
import { inFace } from "./turn.js";

const FADE = [8, 32]; // gray levels added over which details of the portrait fade
// cm beside the head over which the scene ceases to be mended, above the jaw and below it, where it
// would only fog collars; heights in cm above the eyes, of the jaw and of the chin.
const [BESIDE, BELOW, JAW, CHIN] = [[0.3, 1.5], [0, 0.4], [-9, -6.5], [-12.8, -11]];
const SOFT = 2; // px of the grid: how that is smoothed
const BLUR = 1.25; // px of the grid: what is left of a portrait without its details, as in a thumbnail
const NEAR = [0, 2.5]; // cm beside the head over which nothing is the head any more

/**
 * What is `added` to a portrait on the coarse grid, how much its details fade (`fades`), and to
 * what (`plain`). `coarse` are its colours, `yaw` that of the head in the photo in degrees.
 */
export async function mend(coarse, layout, yaw, program) {
  const said = await program(see(coarse, layout, yaw));
  const strength = findMended(layout).map((each) => each * 127.5 * layout.reach.turned);
  const added = coarse.map((plane, c) => make(plane.length, (i) => said.added[3 * i + c] * strength[i]));
  const much = make(GRID * GRID, (i) => added.reduce((sum, plane) => sum + Math.abs(plane[i]), 0) / 3);
  const fades = smooth(much, SOFT).map((each) => ramp(each, FADE));
  return { added, fades, plain: coarse.map((plane) => smooth(plane, BLUR)) };
}

/** How much a portrait is mended: the head, and what is close to it; of profiles all. */
function findMended({ view: { size, eyes, camera }, reach }) {
  const all = ramp(reach.angle, FAR);
  return reach.beside.map((beside, i) => {
    const height = (eyes - ((i / size) | 0)) / camera.scale;
    const [above, below] = [BESIDE, BELOW].map((limits) => 1 - ramp(beside, limits));
    const near = (below + (above - below) * ramp(height, JAW)) * ramp(height, CHIN);
    return near + (1 - near) * all;
  });
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
