// Tells whether what the detector found is a face, as facealign/faces/verify.py.

import { reduce } from "./images.js";

const SIZE = 48; // px of an upright window
const REACH = 1.5; // sides of the face in a side of the window

/** How likely each of the faces of a gray photo is one, 0 to 1; their places are in its px. */
export async function verify(verifier, photo, faces) {
  const halves = [photo]; // of which one is read that has about a px for each of the window
  const windows = new Float32Array(faces.length * SIZE * SIZE);
  faces.forEach((face, number) => {
    const zoom = (face.side * REACH) / SIZE;
    const level = Math.max(0, Math.round(Math.log2(zoom)));
    while (halves.length <= level) halves.push(reduce(halves.at(-1), 2));
    cut(halves[level], face, zoom, level, windows.subarray(number * SIZE * SIZE));
  });
  const { likeness } = await verifier({ windows: [windows, [faces.length, SIZE, SIZE, 1]] });
  return likeness;
}

/** Draws the window of a face; it is read from a photo that was halved so many times. */
function cut({ data, width, height }, { x, y, up: [right, down] }, zoom, level, out) {
  for (let i = 0; i < SIZE * SIZE; i++) {
    const across = zoom * ((i % SIZE) - (SIZE - 1) / 2);
    const below = zoom * (((i / SIZE) | 0) - (SIZE - 1) / 2);
    const place = (own, side) => Math.min(Math.max((own + 0.5) / 2 ** level - 0.5, 0), side - 1);
    const column = place(x - down * across - right * below, width);
    const row = place(y + right * across - down * below, height);
    const [left, top] = [Math.floor(column), Math.floor(row)];
    const [next, under] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
    const line = (start) => data[start * width + left] * (1 - column + left) + data[start * width + next] * (column - left);
    out[i] = (line(top) * (1 - row + top) + line(under) * (row - top)) / 127.5 - 1;
  }
}
