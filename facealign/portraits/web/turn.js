// Where each pixel of a portrait is in the photo: on the head, and how well the photo shows it.

import { AHEAD, Camera, apply, clip, product, ramp, rotate, round, similarity, toPortrait } from "./geometry.js";
import { EYES, MOUTH, SKULL, TEETH } from "./head.js";
import { largest, make, mark, smallest, smooth, spread } from "./planes.js";
import { DepthBuffer, drawTriangles, findNormals } from "./rasterize.js";

// Eye centres, nose tip and corners of the mouth in the canonical crop.
const FIVE = [[42.8, 53.5], [86.1, 52.8], [64.8, 77.1], [45.9, 99.7], [84.8, 99.1]];
// cm that a point may be behind the surface and still count as seen: of the face; of skull and ears,
// whose shape is less sure, and of what lies in openings.
const [BEHIND, FAR_BEHIND] = [0.45, 1.2];
// cm around what the nose hides that may show the nose, since the fitted head is never exact; least
// inclination of what counts as hidden by it; cm around what the other side does not show either.
const [EDGE, TOWARDS, UNSURE] = [1, 0.1, 0.26];
// cm over which places are smoothed: the head's creases are not where the photo's are, and would be
// drawn twice; and shares of head around a pixel over which that begins.
const [SMOOTH, FIRM] = [0.3, [0.95, 1]];
const LOOKS_AHEAD = 0.98; // cosine of the way a portrait looks: beyond, its own nose hides things, in steps
const CREASE = 0.6; // cm: narrower steep parts, as the rims of lips, count like those around them
const HALF_AHEAD = 0.64; // cosine of the yaw, 50 degrees, beyond which lips hide what is between them
const INCLINED = 0.6; // inclination of what lies in openings, which are seen or not
const STEEPEST = 0.12; // inclination in the portrait below which nothing finer is asked of the photo
// Ratio of the inclinations in photo and portrait, so of how finely they show a place, at which the
// photo's pixels begin to count, and count fully.
const FINE = [0.38, 0.65];

export const inMouth = (part) => part === MOUTH || part === TEETH;
const inOpening = (part) => inMouth(part) || part === EYES;
export const inFace = (part) => part === 0 || inOpening(part);

/** The camera of a portrait of `size` px of an upright head with 68 landmarks; angles in degrees. */
export function portraitCamera(marks, size, [yaw, pitch]) {
  const { x, y } = new Camera(AHEAD).project(marks);
  const mean = (axis, from, to) => axis.slice(from, to).reduce((sum, each) => sum + each) / (to - from);
  const spans = [[36, 42], [42, 48], [30, 31], [48, 49], [54, 55]];
  const five = spans.map(([from, to]) => [mean(x, from, to), mean(y, from, to)]);
  const wanted = FIVE.map((place) => apply(toPortrait(size), place));
  const { scale, shift } = similarity(five, wanted, Array(5).fill(1 / 5));
  const [nod, turn] = [[pitch, 0, 0], [0, yaw, 0]].map((each) => each.map((angle) => (angle * Math.PI) / 180));
  return new Camera(product(rotate(turn), rotate(nod)), scale, shift);
}

/**
 * What the pixels of a portrait of `size` px show: where the head is, its parts, and `own` and
 * `other`, the same place and that on the other side of the head.
 *
 * Of these `place` is in px of the photo, `facing` the inclination to its camera, `visible` whether
 * no nearer part hides it, `clear` nor what is next to it, and `weight` how well the photo shows it.
 */
export function viewHead(head, { points, marks }, photo, portrait, size) {
  const [corners, wanted] = [head.triangles, portrait.project(points)];
  const drawn = drawTriangles(wanted, corners, size, size);
  const surface = mark(size * size, (i) => drawn.triangle[i] >= 0);
  const part = surface.map((on, i) => (on ? head.part[corners[3 * drawn.triangle[i]]] : 0));
  const eyes = portrait.project(marks.slice(3 * 36, 3 * 48)
    .reduce((sum, each, i) => { sum[i % 3] += each / 12; return sum; }, [0, 0, 0])).y[0];
  const view = { size, camera: portrait, eyes, surface, part };
  const look = createLook(view, head, points, photo, drawn);
  view.own = look((vertex) => vertex);
  view.other = look((vertex) => head.mirror[vertex]);
  // What may be something else is taken from the other side, if that is sure.
  const sure = smallest(view.other.clear, 2 * round(UNSURE * portrait.scale) + 1);
  view.own.weight = view.own.weight.map((each, i) =>
    each * (1 - (view.own.clear[i] ? 0 : view.other.weight[i] * sure[i])));
  return view;
}

/** A function from an order of the head's vertices to a side. */
function createLook(view, head, points, photo, { triangle, shares }) {
  const [seen, corners] = [photo.project(points), head.triangles];
  const normals = findNormals(points, corners);
  const along = ({ rotation: [, , out] }) => make(normals.length / 3, (i) =>
    out[0] * normals[3 * i] + out[1] * normals[3 * i + 1] + out[2] * normals[3 * i + 2]);
  const [facing, needed, buffer] = [along(photo), along(view.camera), new DepthBuffer(seen, corners)];
  const halfAhead = photo.rotation[2][2] > HALF_AHEAD;

  return (order) => {
    const count = view.surface.length;
    const side = { place: [new Float32Array(count), new Float32Array(count)], facing: new Float32Array(count),
      visible: new Uint8Array(count), weight: new Float32Array(count) };
    for (let i = 0; i < count; i++) {
      if (!view.surface[i]) continue;
      const t = 3 * triangle[i];
      const mean = (values, at) => shares[3 * i] * values[at(corners[t])]
        + shares[3 * i + 1] * values[at(corners[t + 1])] + shares[3 * i + 2] * values[at(corners[t + 2])];
      const [x, y, z] = [mean(seen.x, order), mean(seen.y, order), mean(seen.z, order)];
      const inner = inOpening(view.part[i]);
      const inclined = inner ? INCLINED : mean(facing, order);
      const behind = inner || view.part[i] === SKULL ? FAR_BEHIND : BEHIND;
      const finest = clip(mean(needed, (vertex) => vertex), STEEPEST, 1);
      side.place[0][i] = x;
      side.place[1][i] = y;
      side.facing[i] = inclined;
      side.visible[i] = buffer.shows(x, y, z, behind) || (inMouth(view.part[i]) && halfAhead) ? 1 : 0;
      side.weight[i] = ramp(inner ? 1 : clip(inclined, 0, 1) / finest, FINE);
    }
    return finish(side, view, halfAhead);
  };
}

/** A side with `clear`, and with weights and places as they are around each pixel. */
function finish(side, { surface, part, camera }, halfAhead) {
  const [count, crease] = [surface.length, 2 * round((CREASE * camera.scale) / 2) + 1];
  const around = (belongs) => largest(mark(count, (i) => surface[i] && belongs(part[i])), crease);
  const [mouth, openings] = [around(inMouth), around(inOpening)];
  const hidden = mark(count, (i) =>
    surface[i] && !side.visible[i] && part[i] !== SKULL && side.facing[i] > TOWARDS);
  const near = spread(hidden, round(EDGE * camera.scale));
  const clear = side.visible.map((each, i) => each & !near[i]);
  const closed = smallest(largest(side.weight, crease), crease);
  const weight = side.weight.map((each, i) =>
    Math.max((openings[i] ? closed[i] : each) * side.visible[i], halfAhead ? mouth[i] : 0));
  const ahead = camera.rotation[2][2] > LOOKS_AHEAD;
  const place = ahead ? withoutCreases(side.place, surface, camera.scale) : side.place;
  return { ...side, place, clear, weight };
}

/** Places of a surface without its creases, at px a cm; its rim stays. */
function withoutCreases(place, surface, scale) {
  const within = smooth(new Float32Array(surface), SMOOTH * scale);
  return place.map((axis) => {
    const around = smooth(axis, SMOOTH * scale);
    return axis.map((each, i) => {
      const share = surface[i] ? ramp(within[i], FIRM) : 0;
      return each + (around[i] / Math.max(within[i], 0.5) - each) * share;
    });
  });
}
