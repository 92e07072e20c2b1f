// Finds faces with the detector, as facealign/faces/search.py chooses them.

import { gray, resize } from "./images.js";
import { verify } from "./verify.js";

const FOUND = 512; // px of the photos that the detector takes
const BORDER = 16; // px of repeated border, so that a face that fills the photo is found
const MOST = FOUND - 2 * BORDER; // px of a photo that it sees at once
const DEEPER = 1024; // px: longest side of a photo that is searched in tiles, if it showed no face
const SHARED = 120; // px that two tiles share; larger faces are found in the whole
const POSSIBLE = 0.2; // least likeness, to the detector, of what the verifier looks at
const LIKELY = 0.72; // least likeness of a face, the mean of both
const ALIKE = 0.4; // share of their union, or
const INSIDE = 0.6; // of the smaller one, that two squares of one face have in common

/** The likely faces of a photo, the largest first: centre (x, y), side and likeness. */
export async function findFaces(networks, photo) {
  const longest = Math.max(photo.width, photo.height);
  const faces = await searchAt(networks, photo, Math.min(1, MOST / longest));
  if (faces.length || longest <= MOST) return faces;
  return searchAt(networks, photo, Math.min(1, DEEPER / longest));
}

/** Those of a photo that is scaled by a ratio, tile by tile. */
async function searchAt({ detector, verifier }, photo, ratio) {
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * ratio)));
  const small = resize(gray(photo), width, height, "linear");
  const possible = [];
  for (const top of starts(height)) {
    for (const left of starts(width)) {
      const { faces } = await detector({ photos: [cutTile(small, left, top), [1, FOUND, FOUND, 1]] });
      for (let i = 0; i < faces.length; i += 6) {
        const [likeness, x, y, side, ...up] = faces.subarray(i, i + 6);
        if (!(likeness > POSSIBLE)) continue;
        const place = (share, start) => FOUND * share - BORDER + start - 0.5;
        const length = Math.hypot(...up) || 1;
        possible.push({ likeness, x: place(x, left), y: place(y, top), side: FOUND * side, up: up.map((each) => each / length) });
      }
    }
  }
  const chosen = choose(possible);
  if (!chosen.length) return [];
  const verified = await verify(verifier, small, chosen);
  return chosen.map((face, i) => ({
    ...face, likeness: (face.likeness + verified[i]) / 2,
    x: (face.x + 0.5) / ratio, y: (face.y + 0.5) / ratio, side: face.side / ratio,
  })).filter(({ likeness }) => likeness >= LIKELY);
}

/** Where tiles begin along a side. */
function starts(side) {
  const count = Math.max(1, Math.ceil((side - SHARED) / (MOST - SHARED)));
  return Array.from({ length: count }, (_, i) => (count > 1 ? Math.round((i * (side - MOST)) / (count - 1)) : 0));
}

/** What the detector takes of a gray photo; where that ends, its edge is repeated. */
function cutTile({ data, width, height }, left, top) {
  const seen = new Float32Array(FOUND * FOUND);
  const within = (place, start, side) => Math.min(Math.max(place - BORDER + start, 0), side - 1);
  for (let row = 0; row < FOUND; row++) {
    const from = within(row, top, height) * width;
    for (let column = 0; column < FOUND; column++) {
      seen[row * FOUND + column] = data[from + within(column, left, width)] / 127.5 - 1;
    }
  }
  return seen;
}

/** The faces that overlap no likelier one (non-maximum suppression), the largest first. */
export function choose(faces) {
  const chosen = [];
  for (const face of [...faces].sort((a, b) => b.likeness - a.likeness)) {
    if (chosen.every((other) => !alike(face, other))) chosen.push(face);
  }
  return chosen.sort((a, b) => b.side - a.side);
}

function alike(a, b) {
  const reach = (a.side + b.side) / 2;
  const along = (distance) =>
    Math.max(0, Math.min(a.side, b.side, reach - Math.abs(distance)));
  const common = along(a.x - b.x) * along(a.y - b.y);
  const [one, two] = [a.side ** 2, b.side ** 2];
  return common >= ALIKE * (one + two - common) || common >= INSIDE * Math.min(one, two);
}
