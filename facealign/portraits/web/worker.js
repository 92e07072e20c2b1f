// Makes portraits beside the page, which stays usable meanwhile. Messages in: {number, photo, card}, and
// {number, face, options} with what is wished of a face of it; out: {ready}, and of the photo with a
// number {step}, {face}, {done}, {fault}; `broken` is a fault after which a new worker is needed.

import { decode } from "./decode.js";
import { findFaces } from "./find.js";
import { load } from "./networks.js";
import { readHead, turnHead } from "./portrait.js";

const SIDE = 512; // px of a portrait
const AHEAD = { yaw: 0, pitch: 0, background: "auto" };

let loading; // the head and the networks
let waiting = null; // the newest photo, as the page sent it, until it is begun
let current = null; // what is kept of one photo: its pixels while a face is unread, faces, reads
const wishes = new Map(); // by face, the newest only
let newest = 0; // number of the photo that is loaded for
let busy = false;

/** What is to be done next: a new photo before wishes, wishes before the other faces. */
function next() {
  if (waiting) return begin;
  if (wishes.size) return turn;
  return current?.left.length ? read : null;
}

/** Does one thing after the other, and hears of new wishes in between. */
async function work() {
  if (busy) return;
  busy = true;
  for (let task = next(); task; task = next()) {
    await task();
    await new Promise((resolve) => { setTimeout(resolve); });
  }
  busy = false;
}

/** Runs a task of a photo, and says what stops it. */
async function guard(number, task) {
  try {
    await task((step) => postMessage({ number, step }));
  } catch (error) {
    postMessage({ number, fault: String(error.message || error).split("\n")[0], broken: error.broken });
  }
}

/** Loads what portraits need, once, and finds the faces of the newest photo. */
async function begin() {
  const { number, photo: file, card } = waiting;
  waiting = null;
  await guard(number, async (say) => {
    newest = number;
    loading ??= load(card, (step) => postMessage({ number: newest, step }), (ready) => postMessage({ ready }));
    const { networks } = await loading;
    const start = performance.now();
    say("reading the photo");
    const photo = await decode(file);
    say("looking for faces");
    const faces = await findFaces(networks, photo);
    if (!faces.length) throw new Error("no face was found");
    const left = faces.map((face, i) => [i, face]);
    if (!waiting) current = { number, photo, left, found: faces.length, reads: [], start };
  });
}

/** Makes the portrait of the largest face that has none. */
async function read() {
  const job = current;
  const [number, face] = job.left.shift();
  await guard(job.number, async (say) => {
    const tell = named(job, number, say);
    const { networks, head } = await loading;
    try {
      const found = await readHead(job.photo, face, networks, head, tell);
      const made = await turnHead(found, networks, head, SIDE, tell, AHEAD);
      job.reads[number] = found;
      postMessage({ number: job.number, face: { number, side: SIDE, ...picked(made) } });
    } catch (error) {
      if (error.name !== "NoHeadError") throw error;
      postMessage({ number: job.number, face: { number, fault: error.message } });
    }
    if (job.left.length) return;
    job.photo = null; // all that is needed of it is in the reads
    end(job, job.start);
  });
}

/** Makes the portrait of a face anew, as it is wished. */
async function turn() {
  const [[number, options]] = wishes;
  wishes.delete(number);
  const job = current;
  await guard(job.number, async (say) => {
    const { networks, head } = await loading;
    const start = performance.now();
    const made = await turnHead(job.reads[number], networks, head, SIDE, named(job, number, say), options);
    postMessage({ number: job.number, face: { number, side: SIDE, wish: options.wish, ...picked(made) } });
    if (!job.left.length && !wishes.size) end(job, start);
  });
}

/** What the page shows of a portrait. */
const picked = ({ image, before, seen, yaw }) => ({ image, before, seen, yaw });

const named = (job, number, say) => (job.found > 1 ? (step) => say(`face ${number + 1} of ${job.found}: ${step}`) : say);

function end({ number, found, reads }, start) {
  const done = reads.filter(Boolean).length;
  postMessage({ number, found, done, seconds: (performance.now() - start) / 1000, ended: true });
}

onmessage = ({ data }) => {
  if (data.photo) {
    [waiting, current] = [data, null];
    wishes.clear();
  } else if (data.number === current?.number && current.reads[data.face]) {
    wishes.set(data.face, data.options);
  }
  work();
};
