// What the network sees of a turned portrait, and how what it adds is laid over that.

import { GRID, clip, ramp } from "./geometry.js";
import { create, sample } from "./images.js";
import { MAPS } from "./layout.js";
import { SEEN } from "./read.js";
import { blur } from "./smooth.js";

/** What the completion sees of a turned portrait. */
export function seeTurned(coarse, maps, yaw) {
  const [seen, small] = [coarse.map((each) => clip(each, 0, 255) / 127.5 - 1), create(SEEN, SEEN, MAPS.length)];
  MAPS.forEach((name, k) => {
    for (let i = 0; i < SEEN * SEEN; i++) {
      const corner = 2 * Math.floor(i / SEEN) * GRID + 2 * (i % SEEN);
      const four = [corner, corner + 1, corner + GRID, corner + GRID + 1];
      small.data[i * MAPS.length + k] = four.reduce((sum, at) => sum + maps[name][at], 0) / 4;
    }
  });
  return {
    portraits: [seen, [1, GRID, GRID, 3]],
    maps: [small.data, [1, SEEN, SEEN, MAPS.length]],
    yaw: [Float32Array.of(yaw), [1]],
  };
}

/** Adds to a portrait at places of the frame what the completion says of its colours, in place. */
export function mend(image, coarse, added, places) {
  const strength = create(GRID, GRID, 1);
  for (let i = 0; i < strength.data.length; i++) {
    strength.data[i] = [0, 1, 2].reduce((sum, c) => sum + Math.abs(added[3 * i + c]), 0) / 3;
  }
  const fade = blur(strength, 2).data.map((each) => ramp(each, 8, 32));
  const soft = blur({ width: GRID, height: GRID, channels: 3, data: coarse }, 1.25).data;
  const layers = create(GRID, GRID, 4);
  for (let i = 0; i < fade.length; i++) {
    for (let c = 0; c < 3; c++) layers.data[4 * i + c] = soft[3 * i + c] * fade[i] + added[3 * i + c];
    layers.data[4 * i + 3] = fade[i];
  }
  const more = sample(layers, ...places);
  for (let i = 0; i < image.length; i++) {
    const at = 4 * Math.floor(i / 3);
    image[i] = image[i] * (1 - more[at + 3]) + more[at + (i % 3)];
  }
}
