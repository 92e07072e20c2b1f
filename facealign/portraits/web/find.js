// Finds faces with the detector, as facealign/faces/search.py chooses them.

import { gray, resize } from "./images.js";

const FOUND = 512; // px of the photos that the detector takes
const BORDER = 16; // px of repeated border, so that a face that fills the photo is found
const LIKELY = 0.55;
const ALIKE = 0.4; // share of their union, or
const INSIDE = 0.6; // of the smaller one, that two squares of one face have in common

/** The likely faces of a photo, the largest first: centre (x, y), side and likeness. */
export async function findFaces(detector, photo) {
  const most = FOUND - 2 * BORDER;
  const ratio = most / Math.max(photo.width, photo.height);
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * ratio)));
  const small = resize(gray(photo), width, height, "linear");
  const seen = new Float32Array(FOUND * FOUND);
  for (let row = 0; row < FOUND; row++) {
    const from = Math.min(Math.max(row - BORDER, 0), height - 1) * width;
    for (let column = 0; column < FOUND; column++) {
      const at = Math.min(Math.max(column - BORDER, 0), width - 1);
      seen[row * FOUND + column] = small.data[from + at] / 127.5 - 1;
    }
  }
  const { faces } = await detector({ photos: [seen, [1, FOUND, FOUND, 1]] });
  const [zoom, likely] = [1 / ratio, []];
  for (let i = 0; i < faces.length; i += 6) {
    const [likeness, x, y, side] = faces.subarray(i, i + 4);
    if (!(likeness > LIKELY)) continue;
    const place = (share) => zoom * (FOUND * share - BORDER);
    likely.push({ likeness, x: place(x), y: place(y), side: zoom * FOUND * side });
  }
  return choose(likely);
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
