// Turns and fits the heads that test_web_turning.py describes, by the page's own modules.
//
// node turn.mjs FOLDER: with given.json, the photos, and below web/ the page and its head.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const load = (name) => import(pathToFileURL(`${folder}/web/${name}.js`));
const [{ Camera }, { loadHead, shape }, { Matte }, { fit }, { composePortrait }] = await Promise.all(
  ["geometry", "head", "matte", "fit", "compose"].map(load));

/** The bytes of a file as numbers. */
function read(name, Numbers) {
  const bytes = readFileSync(`${folder}/${name}`);
  return new Numbers(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

const given = JSON.parse(readFileSync(`${folder}/given.json`));
const head = await loadHead(given.head, async (name) => read(`web/${name}`, Uint8Array).buffer);
const cameraOf = ({ rotation, scale, shift }) => new Camera(rotation, scale, shift);
const addNothing = async ({ portraits: [pixels] }) => ({ added: pixels.map(() => 0) });

const said = [];
for (const { name, width, height, window, camera: stands, coefficients, style, size } of given.turns) {
  const photo = { width, height, channels: 3, data: read(`${name}.photo`, Uint8ClampedArray) };
  const known = {
    camera: cameraOf(stands),
    points: shape(head.points, coefficients),
    marks: shape(head.marks, coefficients),
    matte: new Matte(read(`${name}.matte`, Float32Array), window),
  };
  const made = await composePortrait(photo, known, style, size, addNothing, head);
  writeFileSync(`${folder}/${name}.portrait`, made.image);
  said.push({ name, seen: made.seen, within: made.within });
}
const fits = given.fits.map(({ camera, coefficients, places, spread }) =>
  fit({ camera: cameraOf(camera), coefficients, places, spread }, head));
writeFileSync(`${folder}/said.json`, JSON.stringify({ turns: said, fits }));
