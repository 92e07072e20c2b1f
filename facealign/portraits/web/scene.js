// Where each pixel of a portrait reads the photo: the head by its surface, the rest by its outline.
//
// Beside the head, what is d cm beyond the outline in the portrait comes from d cm beyond the outline
// in the photo, row by row; further away the scene stands still. Everything is a shift of the
// similarity that brings the upright photo to the portrait, so a head that looks as in the portrait
// keeps its photo. Lengths are in cm of the head, heights in cm above the eyes.

import { applyAll, clip, degrees, dot, invert, ramp } from "./geometry.js";
import { EYES, FACE, NECK } from "./head.js";
import { followOutline, meetMatte } from "./outline.js";
import { indices, make, mark, median, nearest, pixelsOf, smooth } from "./planes.js";
import { fill } from "./pyramids.js";
import { drawTriangles } from "./rasterize.js";
import { inMouth } from "./turn.js";

const TURNED = [4, 12]; // degrees to turn: below the photo stays, above the head turns
const ANCHOR = [0, 2.5, 2]; // cm: a point inside of the head that stays in its place
const [REACH, NEAR] = [3.5, 0.6]; // cm over which the shift of the scene fades to 1 / e; where that begins
const SOFT = 0.26; // cm: smoothing of the shift
const THROAT = [-9.5, -12]; // heights over which the neck passes from the head to the scene
const CHEST = [-15, -13]; // heights below which the rim of the head is not bridged
const TINY = 1e-6;
const SEAM = [0, 1.2]; // cm on both sides of the outline over which shifts are smoothed
const AGREES = 0.85; // share of the head that a matte has to find, else it is not trusted
const SURE = [0.2, 0.5]; // inclinations, and
export const AWAY = [0.5, 2.5]; // cm beside the head, that bridge its rim

/**
 * Where the pixels of a portrait read its photo, and how they lie to the head: the `place`; the
 * `angle` between the ways that the head looks in both, and how much that is `turned`; cm `beside`
 * the head and `inside` of it; the index of the nearest pixel `onHead` and `offHead`; the `outline`
 * of the photo's head, `upright` to the photo; the `way` that the face looks; whether the matte
 * `agrees`; and whether the photo shows the `person` there.
 */
export function mapScene(view, head, points, photo, matte) {
  const { size, camera: { scale }, surface } = view;
  const upright = findUpright(view.camera, photo);
  const flat = applyAll(upright, pixelsOf(size));
  const angle = degrees(Math.acos(clip(dot(view.camera.rotation[2], photo.rotation[2]), -1, 1)));
  const turned = ramp(angle, TURNED);
  const still = standStill(view, flat, turned);
  const { at: onHead, away } = nearest(surface);
  const { at: offHead, away: within } = nearestBeside(surface, size);
  const [beside, inside] = [away, within].map((each) => each.map((px) => px / scale));
  const seen = photo.project(points);
  const [x, y] = applyAll(invert(upright), [seen.x, seen.y]);
  const { triangle } = drawTriangles({ x, y, z: seen.z }, head.triangles, size, size);
  let outline = triangle.map((each) => (each >= 0 ? 1 : 0));
  const found = matte.at(flat);
  const shown = found.filter((_, i) => outline[i]);
  const agrees = shown.reduce((sum, each) => sum + each, 0) / shown.length > AGREES;
  const back = invert(upright)[0]; // a head may lean in its photo
  const way = ((back[0] * photo.rotation[0][2] + back[1] * photo.rotation[1][2]) * photo.scale) / scale;
  if (agrees) outline = meetMatte(outline, found, view.eyes, scale, way);
  const moved = followOutline(surface, outline, view.eyes, scale).map((axis) =>
    smooth(axis.map((each, i) => each * Math.exp(-Math.max(0, beside[i] - NEAR) / REACH)), SOFT * scale));
  const shift = still.map((axis, k) => make(axis.length, (i) => (surface[i]
    ? view.own.place[k][i] - axis[i] : moved[0][i] * upright[k][0] + moved[1][i] * upright[k][1])));
  const bridged = bridge(shift, view, beside, inside);
  const place = still.map((axis, k) => axis.map((each, i) => each + turned * bridged[k][i]));
  const person = agrees ? matte.at(place) : make(surface.length, () => 1);
  return { place, angle, turned, beside, inside, onHead, offHead, outline, upright, way, agrees, person };
}

/** The places of an upright photo that is not turned, moved so that a little turned face keeps its. */
function standStill(view, flat, turned) {
  const shown = indices(view.surface.length, (i) =>
    view.surface[i] && view.part[i] === FACE && view.own.weight[i] > 0.5);
  if (!shown.length) return flat;
  return flat.map((axis, k) => {
    const off = (1 - turned) * median(shown.map((i) => view.own.place[k][i] - axis[i]));
    return axis.map((each) => each + off);
  });
}

/** As `nearest`, of what is beside a mask; so is all that is beyond the image. */
function nearestBeside(mask, size) {
  const wide = size + 2;
  const around = nearest(mark(wide * wide, (i) => {
    const [row, column] = [((i / wide) | 0) - 1, (i % wide) - 1];
    return row < 0 || column < 0 || row >= size || column >= size || !mask[row * size + column];
  }));
  const [at, away] = [new Int32Array(mask.length), new Float32Array(mask.length)];
  for (let i = 0; i < at.length; i++) {
    const middle = (((i / size) | 0) + 1) * wide + (i % size) + 1;
    const [row, column] = [(around.at[middle] / wide) | 0, around.at[middle] % wide];
    at[i] = clip(row - 1, 0, size - 1) * size + clip(column - 1, 0, size - 1);
    away[i] = around.away[middle];
  }
  return { at, away };
}

/** The similarity from the pixels of a portrait to those of a photo with upright head. */
function findUpright(portrait, photo) {
  // Ways up as complex numbers, of which the ratio is the roll between them.
  const [[a, b], [c, d]] = [photo, portrait].map(({ rotation }) => [rotation[0][1], rotation[1][1]]);
  const clear = Math.min(Math.hypot(a, b), Math.hypot(c, d)) > TINY;
  const ratio = clear ? [a * c + b * d, b * c - a * d] : [1, 0];
  const zoom = photo.scale / portrait.scale / Math.hypot(...ratio);
  const [right, down] = ratio.map((each) => each * zoom);
  const [here, there] = [portrait.place(ANCHOR), photo.place(ANCHOR)];
  return [
    [right, -down, there[0] - right * here[0] + down * here[1]],
    [down, right, there[1] - down * here[0] - right * here[1]],
  ];
}

/**
 * Shifts with those about the rim of the head made of what is sure around it.
 *
 * There neither the inclined surface nor the rule of the outline is exact. Nor is the depth of what
 * an open mouth shows, so that follows the lips.
 */
function bridge(shift, { size, camera: { scale }, eyes, surface, part, own }, beside, inside) {
  const heightOf = (i) => (eyes - ((i / size) | 0)) / scale;
  const loose = make(size, (row) => ramp((eyes - row) / scale, THROAT)); // of the turned neck
  const sure = make(beside.length, (i) => {
    if (!surface[i]) return ramp(beside[i], AWAY);
    if (!own.clear[i] || inMouth(part[i])) return 0;
    return ramp(own.facing[i], SURE) * (part[i] === NECK ? 1 - loose[(i / size) | 0] : 1);
  });
  const share = smooth(make(beside.length, (i) => (surface[i] && part[i] === EYES
    ? 0 : Math.max(ramp(heightOf(i), CHEST), loose[(i / size) | 0]))), SOFT * scale * 0.75);
  const filled = fill(shift, sure);
  return shift.map((axis, k) => {
    const bridged = axis.map((each, i) => each * (1 - share[i]) + filled[k][i] * share[i]);
    const soft = smooth(bridged, SOFT * scale);
    return bridged.map((each, i) => {
      const near = 1 - ramp(beside[i] + inside[i], SEAM);
      return each * (1 - near) + soft[i] * near;
    });
  });
}
