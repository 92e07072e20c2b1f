// Hair: a fitted head, which is bald, with its scalp as far out as the matte of its photo.
//
// What lies in the hair then turns with the head and is seen from both sides, in place of following
// the outline. A photo shows how thick hair is where its outline is: on the near side at the back of
// the head, on the far side at the temple. Elsewhere hair is taken to be as thick as around there, on
// both sides of the head, the thinner the surer, and hardly thicker than at the crown: what is
// missing follows the outline, as the loose ends of hair do.

import { clip, dot, ramp } from "./geometry.js";
import { FACE, SKULL } from "./head.js";
import { indices, median } from "./planes.js";

// All lengths are in cm of the mean head.
const CENTRE = [0, -2.5, -0.5]; // of the scalp; hair grows away from it
const HAIRLINE = [0, 3]; // to the face, over which hair begins
const [BEFORE, ABOVE] = [[-4, -1.5], [-7, -1]]; // z and y over which ears begin, which have none
const NAPE = [6, 2]; // y over which hair begins; below, it falls
const FALLING = 0.25; // y of a direction from the centre below which the photo's hair falls
const [RAYS, STEP, STEPS] = [90, 0.1, 35]; // directions in a photo; how they are walked, how often
const SURE = 0.7; // of the matte: what is hair
const FEW = 10; // rays; with fewer there is none
const WIDE = 5; // rays over which the median is taken
const AROUND = 0.5; // radians over which hair is taken to be as thick
const THIN = 0.8; // share of the thinner side in how thick hair is
const [CROWN, THICKER] = [-0.85, 0.8]; // y of directions of the crown; how much thicker hair is elsewhere
const LOOSE = 0.25; // of the thickness: ends of hair
const AGREES = 0.85; // share of the scalp that a matte has to find

/** Points [V * 3] of a head with hair; as they are if the matte of its photo does not find it. */
export function addHair(head, points, photo, matte) {
  const { share, scalp } = (head.hair ??= findScalp(head));
  const [mean] = head.points;
  const { x, y } = photo.project(points);
  const found = matte.at([scalp.map((v) => x[v]), scalp.map((v) => y[v])]);
  if (average(found) < AGREES) return points;
  const centre = CENTRE.map((each, k) => each + average(scalp.map((v) => points[3 * v + k] - mean[3 * v + k])));
  const known = measure(x, y, photo.place(centre), photo, matte);
  if (known.length < FEW) return points;
  const crown = known.filter(({ way }) => way[1] < CROWN).map(({ thick }) => thick);
  const thickest = crown.length ? median(crown) + THICKER : Infinity;
  const grown = Float64Array.from(points);
  for (const v of scalp) {
    const out = CENTRE.map((_, k) => points[3 * v + k] - centre[k]);
    const far = Math.hypot(...out);
    const [one, other] = [1, -1].map((side) => spread(out.map((each) => each / far), side, known));
    const thick = THIN * Math.min(one, other) + (1 - THIN) * Math.max(one, other);
    const depth = Math.max(0, Math.min(thick, thickest) - LOOSE) * share[v];
    out.forEach((each, k) => { grown[3 * v + k] += (each / far) * depth; });
  }
  return grown;
}

const average = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** The vertices on which hair grows, and how much: not at the face, ears and neck. */
function findScalp({ points, part }) {
  const [[mean], share] = [points, new Float32Array(part.length)];
  const face = indices(part.length, (v) => part[v] === FACE);
  for (const v of indices(part.length, (each) => part[each] === SKULL)) {
    let least = Infinity;
    for (const w of face) {
      least = Math.min(least, (mean[3 * v] - mean[3 * w]) ** 2 + (mean[3 * v + 1] - mean[3 * w + 1]) ** 2
        + (mean[3 * v + 2] - mean[3 * w + 2]) ** 2);
    }
    const [down, out] = [mean[3 * v + 1], mean[3 * v + 2]];
    share[v] = ramp(Math.sqrt(least), HAIRLINE) * (1 - ramp(out, BEFORE) * ramp(down, ABOVE)) * ramp(down, NAPE);
  }
  return { share, scalp: indices(part.length, (v) => share[v] > 0) };
}

/** How thick hair is at the outline of a head in its photo, and in which directions `way` [3]. */
function measure(x, y, [right, down], photo, matte) {
  const outline = new Float64Array(RAYS);
  for (let v = 0; v < x.length; v++) {
    const turn = Math.atan2(y[v] - down, x[v] - right) / (2 * Math.PI);
    const ray = Math.floor((turn - Math.floor(turn)) * RAYS) % RAYS;
    outline[ray] = Math.max(outline[ray], Math.hypot(x[v] - right, y[v] - down));
  }
  const across = Array.from(outline, (_, ray) => ((ray + 0.5) * 2 * Math.PI) / RAYS)
    .map((angle) => [Math.cos(angle), Math.sin(angle)]);
  const thick = across.map(([a, b], ray) => {
    const walked = Array.from({ length: STEPS }, (_, k) => outline[ray] + k * STEP * photo.scale);
    const hair = matte.at([walked.map((far) => right + far * a), walked.map((far) => down + far * b)]);
    const ends = hair.findIndex((each) => !(each > SURE));
    return STEP * (ends < 0 ? STEPS : ends);
  });
  const around = (ray) => Array.from({ length: WIDE }, (_, k) => thick[(ray + k - (WIDE - 1) / 2 + RAYS) % RAYS]);
  const [first, second] = photo.rotation;
  return across.map(([a, b], ray) => ({ way: first.map((each, k) => a * each + b * second[k]), thick: median(around(ray)) }))
    .filter(({ way }, ray) => way[1] < FALLING && outline[ray] > 0);
}

/** How thick hair is in a direction [3], by what is known around it, of that side or mirrored. */
function spread(outwards, side, known) {
  const powers = known.map(({ way: [a, b, c] }) =>
    -((Math.acos(clip(dot(outwards, [side * a, b, c]), -1, 1)) / AROUND) ** 2) / 2);
  const most = Math.max(...powers);
  let [sum, all] = [0, 0];
  powers.forEach((power, i) => {
    const weight = Math.exp(power - most);
    sum += weight * known[i].thick;
    all += weight;
  });
  return sum / all;
}
