// Makes the portrait of one face of a photo.

import { AHEAD, Camera, GRID, clip, ramp, similarity } from "./geometry.js";
import { Photo, create, crop, resize, sample } from "./images.js";
import { layOut } from "./layout.js";
import { mend, seeTurned } from "./mend.js";
import { SEEN, ask, read } from "./read.js";
import { blur, fill, pixels } from "./smooth.js";

// Where eyes, nose tip and corners of the mouth are in the frame, which is 33 cm wide.
const FIVE = [[104.9, 109.3], [152.2, 108.6], [128.9, 135.1], [108.3, 159.7], [150.7, 159.1]];
const FINEST = 240; // px of a face beyond which a photo is shrunk before; a portrait shows 213

/** There is no head that could be turned. */
class NoHeadError extends Error {
  name = "NoHeadError";
}

/** The pixels around a face, and a camera to begin with. */
function cutOut(photo, face) {
  const far = 1.8 * face.side;
  const [left, top] = [face.x - far, face.y - far].map((each) => Math.trunc(Math.max(0, each)));
  const right = Math.trunc(Math.min(photo.width, face.x + far));
  const bottom = Math.trunc(Math.min(photo.height, face.y + far));
  const zoom = 1 / Math.max(1, Math.floor(face.side / FINEST));
  let cut = crop(photo, left, top, right, bottom);
  if (zoom < 1) cut = resize(cut, Math.round(cut.width * zoom), Math.round(cut.height * zoom), "box");
  const [x, y] = [(face.x - left) * zoom, (face.y - top) * zoom];
  const scale = (1.6 * face.side * zoom) / 22;
  return { cut: new Photo(cut), start: new Camera(AHEAD, scale, [x - 0.5, y - 0.5 - 1.95 * scale]) };
}

/** The camera of a portrait from the front of a head with 68 landmarks. */
function lookAhead(marks) {
  const { x, y } = new Camera(AHEAD).project(marks);
  const mean = (axis, from, to) => axis.slice(from, to).reduce((sum, each) => sum + each) / (to - from);
  const spans = [[36, 42], [42, 48], [30, 31], [48, 49], [54, 55]];
  const five = spans.map(([from, to]) => [mean(x, from, to), mean(y, from, to)]);
  const { scale, shift } = similarity(five, FIVE, Array(5).fill(1 / 5));
  return new Camera(AHEAD, scale, shift);
}

/**
 * The portrait of a face, as {image, before, seen, ...}; `say` is told of each step.
 *
 * It raises a NoHeadError with one line if the head cannot be read.
 */
export async function makePortrait(photo, face, networks, head, side, say) {
  say("reading the head");
  const { cut, start } = cutOut(photo, face);
  const { camera: old, points, marks, doubt } = await read(networks.reader, cut, start, head);
  const tolerated = 3.2 + 2.8 * clip((Math.abs(old.yaw) - 30) / 30, 0, 1);
  if (!(doubt < tolerated) || old.scale < 3.3) {
    throw new NoHeadError("it is covered, too small, or no face");
  }
  say("telling the person from the background");
  const matte = await ask(networks.matte, cut, old, 40);
  matte.alpha = { width: SEEN, height: SEEN, channels: 1, data: matte.alpha };
  say("turning the head");
  const current = lookAhead(marks);
  const laid = layOut(head, points, cut, old, current, matte);
  const detail = current.scale / old.scale;
  const layers = stack(laid, lightOf(laid, cut, detail, old.yaw, current.scale));
  fillLayers(layers, laid.maps, cut, detail);
  const window = chooseWindow(laid.maps.held);
  const places = windowPixels(window, side);
  const image = blend(cut, (detail * side) / window.side, sample(layers, ...places));
  if (laid.turned > 0) {
    say("mending what the photo hides");
    const coarse = blend(cut, detail, layers.data);
    const { added } = await networks.completion(seeTurned(coarse, laid.maps, old.yaw));
    mend(image, coarse, added.map((each) => each * 127.5 * laid.turned), places);
  }
  const upright = sample(stackStill(laid.still), ...places);
  const still = (axis) => Float32Array.from({ length: side * side }, (_, i) => upright[2 * i + axis]);
  const before = cut.lookUp(still(0), still(1), (detail * side) / window.side);
  return { image: bytes(image), before: bytes(before), yaw: old.yaw, seen: seenOf(laid.maps) };
}

const bytes = (colours) => Uint8ClampedArray.from(colours);
const gridOf = (channels, data) => ({ width: GRID, height: GRID, channels, data });

/** How much brighter own pixels are than their mirror images, where both are shown. */
function lightOf({ places, maps }, cut, detail, yaw, scale) {
  const own = cut.lookUp(places.x, places.y, detail);
  const other = cut.lookUp(places.otherX, places.otherY, detail);
  const ratio = own.map((each, i) => clip(Math.log((each + 8) / (other[i] + 8)), -1.2, 1.2));
  const both = maps.face.map((each, i) => {
    const mirrored = i - (i % GRID) + GRID - 1 - (i % GRID);
    return each * maps.own[i] * maps.own[mirrored];
  });
  const light = blur(fill(gridOf(3, ratio), gridOf(1, both)), 1.3 * scale);
  const fade = 1 - ramp(Math.abs(yaw), 28, 48);
  light.data = light.data.map((each) => Math.exp(each * fade));
  return light;
}

/** Places of own and other, their shares, light and what is filled in: 12 numbers a pixel. */
function stack({ places, maps }, light) {
  const layers = create(GRID, GRID, 12);
  const ways = [places.x, places.y, places.otherX, places.otherY, maps.own, maps.other];
  for (let i = 0; i < GRID * GRID; i++) {
    ways.forEach((each, k) => { layers.data[12 * i + k] = each[i]; });
    layers.data.set(light.data.subarray(3 * i, 3 * i + 3), 12 * i + 6);
  }
  return layers;
}

function stackStill({ x, y }) {
  return gridOf(2, Float32Array.from({ length: 2 * GRID * GRID }, (_, i) => (i % 2 ? y : x)[i >> 1]));
}

/** What is filled in: the colours around. */
function fillLayers(layers, maps, photo, detail) {
  const known = maps.own.map((each, i) => each + maps.other[i]);
  const seen = blend(photo, detail, layers.data).map((each, i) => each / (known[(i / 3) | 0] + 1e-6));
  const filled = fill(gridOf(3, seen), gridOf(1, known)).data;
  for (let i = 0; i < known.length; i++) layers.data.set(filled.subarray(3 * i, 3 * i + 3), 12 * i + 9);
}

/** Colours by layers [N * 12]. */
function blend(photo, detail, layers) {
  const count = layers.length / 12;
  const axis = (k) => Float32Array.from({ length: count }, (_, i) => layers[12 * i + k]);
  const own = photo.lookUp(axis(0), axis(1), detail);
  const other = photo.lookUp(axis(2), axis(3), detail);
  for (let i = 0, at = 0; i < count; i++, at += 12) {
    const [first, second] = [layers[at + 4], layers[at + 5]];
    for (let c = 0; c < 3; c++) {
      const lit = clip((other[3 * i + c] + 8) * layers[at + 6 + c] - 8, 0, 255);
      own[3 * i + c] = own[3 * i + c] * first + lit * second + layers[at + 9 + c] * (1 - first - second);
    }
  }
  return own;
}

/** Left, top and side of the largest square from brows to chin that the photo fills. */
function chooseWindow(held) {
  let left, top, side;
  for (let step = 0; step < 48; step++) {
    side = 2 * Math.round(128 - (step * 62) / 47);
    left = 2 * Math.floor((GRID - side) / 4);
    const tops = [];
    for (let each = Math.max(0, 198 - side); each <= Math.min(GRID - side, 76); each += 2) tops.push(each);
    const away = (each) => Math.abs(each - 0.2 * (GRID - side));
    for (top of tops.sort((a, b) => away(a) - away(b))) {
      if (filledBy(held, left, top, side) >= 0.995) return { left, top, side };
    }
  }
  return { left, top, side };
}

function filledBy(held, left, top, side) {
  let sum = 0;
  for (let row = top; row < top + side; row += 2) {
    for (let column = left; column < left + side; column += 2) sum += held[row * GRID + column];
  }
  return sum / (side / 2) ** 2;
}

/** The places in the frame of the pixels of its window. */
function windowPixels({ left, top, side }, count) {
  const along = (start) => (i) => ((i + 0.5) * side) / count - 0.5 + start;
  return pixels(count, along(left), along(top));
}

/** The share of the face that is the photo's own, 0 to 1. */
function seenOf({ face, own }) {
  const sum = face.reduce((all, each, i) => all + each * own[i], 0);
  return sum / face.reduce((all, each) => all + each, 0);
}
