// The page: hands photos and wishes to the worker, and shows what that makes of them.

import { prepareCamera } from "./camera.js";
import { Figure } from "./figure.js";
import { isKept, keepSite } from "./keep.js";

const IDS = ["photo", "drop", "state", "step", "fault", "kept", "portraits"];
const [input, drop, state, step, fault, kept, portraits] = IDS.map((id) => document.getElementById(id));
const figures = new Map(); // by the number of the face
let number = 0; // of the photo that is shown
let runsOn = ""; // where the networks run
let worker = null; // null until there is a photo, and after one broke
let card = true; // whether a graphics card may be used

/** A worker that the policy of this page binds, which it would not if it came from an address. */
function startWorker() {
  const code = `import ${JSON.stringify(new URL("worker.js", import.meta.url))};`;
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const started = new Worker(address, { type: "module" });
  started.onmessage = ({ data }) => hear(data);
  started.onerror = (event) => giveUp(`The page cannot work here: ${event.message || "its worker does not start"}`);
  return started;
}

/** Ends a worker that is broken, and with it what it knew of faces; the next photo starts another. */
function giveUp(what) {
  worker.terminate();
  worker = null;
  clear();
  complain(what);
}

function clear() {
  for (const figure of figures.values()) figure.clear();
  figures.clear();
}

/** Begins with a photo; nothing is kept of the one before. */
function begin(file) {
  if (!file || input.disabled) return;
  clear();
  worker ??= startWorker();
  number += 1;
  [fault.textContent, step.textContent, state.textContent] = ["", "", "Working on the photo …"];
  worker.postMessage({ number, photo: file, card });
}

function complain(what) {
  [fault.textContent, step.textContent, state.textContent] = [what, "", ""];
  for (const figure of figures.values()) figure.element.removeAttribute("aria-busy");
}

/** Shows what was made of a face, or why nothing was. */
function show(face) {
  if (!figures.has(face.number)) {
    figures.set(face.number, new Figure(face.number, (options) => {
      [fault.textContent, state.textContent] = ["", "Making the portrait again …"];
      worker.postMessage({ number, face: face.number, options });
    }));
    portraits.append(figures.get(face.number).element);
  }
  figures.get(face.number).show(face);
}

/** Says whether the page works offline, which it does once all is loaded. */
async function tellKept() {
  if (!refused) kept.textContent = (await isKept()) ? "This page works offline from now on." : "";
}

/** What the worker says. */
function hear(data) {
  if (data.ready) runsOn = data.ready;
  if (data.broken) {
    card = false; // it may be the card that broke
    return giveUp(`No portrait: ${data.fault}`);
  }
  if (data.number !== number) return; // of a photo before
  if (data.step) step.textContent = `${data.step} …`;
  if (data.face) show(data.face);
  if (data.fault) complain(`No portrait: ${data.fault}`);
  if (data.ended) {
    const left = data.found - data.done;
    const count = `${data.done} portrait${data.done === 1 ? "" : "s"}${left ? `, ${left} left out` : ""}`;
    [state.textContent, step.textContent] = [`Done in ${data.seconds.toFixed(1)} s: ${count}. ${runsOn}`, ""];
    tellKept();
  }
}

for (const kind of ["dragover", "dragleave", "drop"]) { // at once, or a drop would replace the page
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") begin(event.dataTransfer.files[0]);
  });
}
state.textContent = "Beginning …";
const refused = await keepSite().catch((error) => `This page does not work offline here: ${error.message}.`);
kept.textContent = refused ?? "";
input.onchange = () => {
  begin(input.files[0]);
  input.value = ""; // so that the same photo can be chosen again
};
document.addEventListener("paste", (event) => begin(event.clipboardData.files[0]));
prepareCamera(begin, complain);
tellKept();
input.disabled = false;
state.textContent = "Ready; the networks are loaded with the first photo.";
