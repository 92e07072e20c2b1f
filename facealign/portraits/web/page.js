// The page: hands photos to the worker, and shows what that makes of them.

const [input, drop, state, fault, portraits] = ["photo", "drop", "state", "fault", "portraits"]
  .map((id) => document.getElementById(id));
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
let runsOn = ""; // where the networks run

/** An element with properties and children. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A square picture of colours [side * side * 3]. */
function picture(colours, side, label) {
  const canvas = make("canvas", { width: side, height: side });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const pixels = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let i = 0; i < side * side; i++) pixels.set(colours.subarray(3 * i, 3 * i + 3), 4 * i);
  canvas.getContext("2d").putImageData(new ImageData(pixels, side, side), 0, 0);
  return canvas;
}

/** Shows a portrait over the photo, with a slider between both. */
function showFace({ number, side, image, before, yaw, seen, fault: why }) {
  const name = `Face ${number + 1}`;
  if (why) return portraits.append(make("p", { textContent: `${name} is left out: ${why}.` }));
  const after = picture(image, side, `${name}, the portrait`);
  const slider = make("input", { type: "range", min: 0, max: 100, value: 100 });
  slider.setAttribute("aria-label", `${name}: how much of the portrait is shown over the photo`);
  slider.oninput = () => { after.style.clipPath = `inset(0 ${100 - slider.value}% 0 0)`; };
  const said = `${name}: turned by ${Math.abs(yaw).toFixed(0)}° in the photo, which shows `
    + `${(100 * seen).toFixed(0)} % of this face; the rest is mirrored or invented. `;
  const link = make("a", { textContent: "Download as PNG", download: `portrait_${number + 1}.png`, href: "#" });
  after.toBlob((blob) => { link.href = URL.createObjectURL(blob); });
  portraits.append(make("figure", {},
    make("div", { className: "pair" }, picture(before, side, `${name} in the photo`), after),
    make("label", {}, "photo", slider, "portrait"),
    make("figcaption", { textContent: said }, link)));
}

/** Begins with a photo. */
function begin(file) {
  if (!file) return;
  portraits.querySelectorAll("a").forEach((link) => URL.revokeObjectURL(link.href));
  portraits.replaceChildren();
  [fault.textContent, state.textContent] = ["", "Beginning …"];
  worker.postMessage({ photo: file });
}

worker.onmessage = ({ data }) => {
  if (data.state) state.textContent = `${data.state} …`;
  if (data.ready) runsOn = data.ready;
  if (data.face) showFace(data.face);
  if (data.done) state.textContent = `Done in ${data.seconds.toFixed(1)} s. ${runsOn}`;
  if (data.fault) [fault.textContent, state.textContent] = [`No portrait: ${data.fault}`, ""];
};
worker.onerror = (event) => {
  fault.textContent = `The page cannot work here: ${event.message || "its worker does not start"}`;
};
input.onchange = () => {
  begin(input.files[0]);
  input.value = ""; // so that the same photo can be chosen again
};
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") begin(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => begin(event.clipboardData.files[0]));
input.disabled = false;
state.textContent = "Ready; the networks are loaded with the first photo.";
