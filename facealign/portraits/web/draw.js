// Draws triangles.

import { GRID } from "./geometry.js";

/**
 * The nearest triangle at each pixel of GRID, or -1; the shares of its three corners; its depth.
 *
 * Triangles that are seen from inside are left out. `corners` [T * 3] are indices into the places
 * x and y and the depths z.
 */
export function draw(x, y, z, corners) {
  const triangle = new Int32Array(GRID * GRID).fill(-1);
  const depth = new Float32Array(GRID * GRID).fill(-Infinity);
  const shares = new Float32Array(3 * GRID * GRID);
  for (let t = 0; t < corners.length / 3; t++) {
    const [a, b, c] = [corners[3 * t], corners[3 * t + 1], corners[3 * t + 2]];
    const left = Math.max(0, Math.ceil(Math.min(x[a], x[b], x[c])));
    const right = Math.min(GRID, Math.floor(Math.max(x[a], x[b], x[c]) + 1));
    const top = Math.max(0, Math.ceil(Math.min(y[a], y[b], y[c])));
    const bottom = Math.min(GRID, Math.floor(Math.max(y[a], y[b], y[c]) + 1));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const [ax, bx, cx] = [x[a] - column, x[b] - column, x[c] - column];
        const [ay, by, cy] = [y[a] - row, y[b] - row, y[c] - row];
        const [first, second, third] = [bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx];
        const area = first + second + third;
        if (first > 1e-9 || second > 1e-9 || third > 1e-9 || area >= -1e-9) continue;
        const level = (first * z[a] + second * z[b] + third * z[c]) / area;
        const at = row * GRID + column;
        if (level < depth[at]) continue;
        triangle[at] = t;
        depth[at] = level;
        shares.set([first / area, second / area, third / area], 3 * at);
      }
    }
  }
  return { triangle, shares, depth };
}
