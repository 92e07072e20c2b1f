// Draws triangles with a depth buffer, and finds what an image of a head shows.

import { clip } from "./geometry.js";

const LARGEST = 512; // px: larger side of the depth buffer that decides what is seen
const EDGE = 1e-9; // shares of a corner that count as none

/**
 * The nearest triangle at each pixel, or -1; the shares of its three corners; its depth.
 *
 * Triangles that are seen from inside are left out. `corners` [T * 3] are indices into the places
 * x and y and the depths z.
 */
export function drawTriangles({ x, y, z }, corners, width, height) {
  const triangle = new Int32Array(width * height).fill(-1);
  const depth = new Float64Array(width * height).fill(-Infinity);
  const shares = new Float32Array(3 * width * height);
  for (let t = 0; t < corners.length / 3; t++) {
    const [a, b, c] = [corners[3 * t], corners[3 * t + 1], corners[3 * t + 2]];
    const area = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a]);
    if (!(area < -EDGE)) continue;
    const left = Math.max(0, Math.ceil(Math.min(x[a], x[b], x[c]) - EDGE));
    const right = Math.min(width - 1, Math.floor(Math.max(x[a], x[b], x[c]) + EDGE));
    const top = Math.max(0, Math.ceil(Math.min(y[a], y[b], y[c]) - EDGE));
    const bottom = Math.min(height - 1, Math.floor(Math.max(y[a], y[b], y[c]) + EDGE));
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const first = ((x[b] - column) * (y[c] - row) - (x[c] - column) * (y[b] - row)) / area;
        const second = ((x[c] - column) * (y[a] - row) - (x[a] - column) * (y[c] - row)) / area;
        const third = 1 - first - second;
        if (first < -EDGE || second < -EDGE || third < -EDGE) continue;
        const level = z[c] + first * (z[a] - z[c]) + second * (z[b] - z[c]);
        const at = row * width + column;
        if (level < depth[at]) continue;
        triangle[at] = t;
        depth[at] = level;
        shares[3 * at] = first;
        shares[3 * at + 1] = second;
        shares[3 * at + 2] = third;
      }
    }
  }
  return { triangle, shares, depth: new Float32Array(depth) };
}

/** The depth of the nearest surface, in at most LARGEST px, whatever the size of the photo. */
export class DepthBuffer {
  constructor(points, corners) {
    const [x, y] = ["x", "y"].map((axis) => {
      let [low, high] = [Infinity, -Infinity];
      for (const corner of corners) {
        low = Math.min(low, points[axis][corner]);
        high = Math.max(high, points[axis][corner]);
      }
      return { start: low - 1, extent: high - low };
    });
    this.factor = Math.min(1, (LARGEST - 3) / Math.max(x.extent, y.extent, 1e-6));
    this.start = [x.start, y.start];
    [this.width, this.height] = [x, y].map(({ extent }) => Math.ceil(extent * this.factor) + 3);
    const scaled = (axis, start) => points[axis].map((each) => (each - start) * this.factor);
    const places = { x: scaled("x", x.start), y: scaled("y", y.start), z: points.z };
    this.depth = drawTriangles(places, corners, this.width, this.height).depth;
  }

  /** Whether a point is not hidden, but for a tolerance in cm: seen in one of four pixels around. */
  shows(x, y, z, tolerance) {
    const column = Math.floor((x - this.start[0]) * this.factor);
    const row = Math.floor((y - this.start[1]) * this.factor);
    let lowest = Infinity;
    for (const down of [0, 1]) {
      const line = clip(row + down, 0, this.height - 1) * this.width;
      for (const across of [0, 1]) {
        lowest = Math.min(lowest, this.depth[line + clip(column + across, 0, this.width - 1)]);
      }
    }
    return lowest <= z + tolerance;
  }
}

/** Unit normals [V * 3] of the vertices [V * 3] of triangles [T * 3], outwards; 0 without one. */
export function findNormals(points, corners) {
  const total = new Float64Array(points.length);
  for (let t = 0; t < corners.length; t += 3) {
    const [a, b, c] = [3 * corners[t], 3 * corners[t + 1], 3 * corners[t + 2]];
    const [px, py, pz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
    const [qx, qy, qz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
    const [x, y, z] = [py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx];
    for (let k = 0; k < 3; k++) {
      const at = 3 * corners[t + k];
      total[at] += x;
      total[at + 1] += y;
      total[at + 2] += z;
    }
  }
  for (let i = 0; i < total.length; i += 3) {
    const length = Math.sqrt(total[i] ** 2 + total[i + 1] ** 2 + total[i + 2] ** 2 + 1e-14);
    for (let k = 0; k < 3; k++) total[i + k] /= length;
  }
  return total;
}
