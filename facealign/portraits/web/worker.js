// Makes portraits beside the page, which stays usable meanwhile. Messages in: {photo}; out:
// {state}, {ready}, {face}, {done}, {fault}.

import { findFaces } from "./find.js";
import { loadHead } from "./head.js";
import { loadNetwork, loadRuntime } from "./networks.js";
import { makePortrait } from "./portrait.js";

const SIDE = 512; // px of a portrait
const MOST = 24e6; // px of a photo; larger ones are shrunk
const SITE = new URL("./", import.meta.url);
const say = (state) => postMessage({ state });

/** The bytes of a file of this site. */
async function fetchBytes(name) {
  const answer = await fetch(new URL(name, SITE));
  if (!answer.ok) throw new Error(`${name} is missing on the server (${answer.status})`);
  return answer.arrayBuffer();
}

/** The head and the networks; those of the processor if the graphics card cannot run them. */
async function load() {
  const listed = await (await fetch(new URL("site.json", SITE))).json();
  let loaded = 0;
  const fetchTold = async (name) => {
    const bytes = await fetchBytes(name);
    loaded += bytes.byteLength;
    say(`loading, once: ${(loaded / 1e6).toFixed(0)} of ${(listed.bytes / 1e6).toFixed(0)} MB`);
    return bytes;
  };
  const files = await Promise.all(listed.networks.map((name) => fetchTold(`${name}.onnx`)));
  const head = await loadHead(listed.head, fetchTold);
  let [runtime, networks, note] = [await loadRuntime(), {}, ""];
  try {
    networks = await open(runtime, listed.networks, files);
  } catch (error) {
    if (runtime.provider === "wasm") throw error;
    runtime = await loadRuntime("wasm");
    networks = await open(runtime, listed.networks, files);
    note = ", since the graphics card failed";
  }
  postMessage({ ready: `Computes ${runtime.where}${note}.` });
  return { networks, head };
}

async function open(runtime, names, files) {
  const networks = {};
  for (const [i, name] of names.entries()) {
    say(`starting the networks: ${name}`);
    networks[name] = await loadNetwork(runtime, files[i]);
  }
  return networks;
}

/** The pixels of an image file, upright, on white. */
async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("this file is no photo that this browser can read");
  }
  const zoom = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * zoom)));
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const colours = new Uint8ClampedArray(3 * width * height);
  for (let i = 0, to = 0; i < data.length; i += 4) {
    colours[to++] = data[i];
    colours[to++] = data[i + 1];
    colours[to++] = data[i + 2];
  }
  return { width, height, channels: 3, data: colours };
}

let loading; // the head and the networks
let alone = Promise.resolve(); // one thing at a time

async function alignPhoto(file) {
  loading ??= load();
  loading.catch(() => { loading = undefined; }); // the next photo tries again
  const { networks, head } = await loading;
  say("reading the photo");
  const photo = await decode(file);
  const start = performance.now();
  say("looking for faces");
  const faces = await findFaces(networks.detector, photo);
  if (!faces.length) throw new Error("no face was found");
  for (const [number, face] of faces.entries()) {
    const prefix = faces.length > 1 ? `face ${number + 1} of ${faces.length}: ` : "";
    try {
      const made = await makePortrait(photo, face, networks, head, SIDE, (step) => say(prefix + step));
      postMessage({ face: { number, side: SIDE, ...made } });
    } catch (error) {
      if (error.name !== "NoHeadError") throw error;
      postMessage({ face: { number, fault: error.message } });
    }
  }
  postMessage({ done: faces.length, seconds: (performance.now() - start) / 1000 });
}

onmessage = ({ data }) => {
  alone = alone.then(() => alignPhoto(data.photo))
    .catch((error) => postMessage({ fault: String(error.message || error).split("\n")[0] }));
};
