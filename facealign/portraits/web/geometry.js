// Cameras, complex numbers as [x, y], and what else of arithmetic the way to a portrait needs.
// Places are in px, x to the right and y down; lengths of heads are in cm.

export const GRID = 256; // px of the frame in which all is laid out
export const DISTANCE = 120; // cm from the camera to the head

export const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
export const scaled = ([a, b], factor) => [a * factor, b * factor];
export const plus = ([a, b], [c, d]) => [a + c, b + d];
export const minus = ([a, b], [c, d]) => [a - c, b - d];
export const size = ([a, b]) => Math.hypot(a, b);
export const over = (a, [c, d]) => scaled(times(a, [c, -d]), 1 / (c * c + d * d));

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);
export const degrees = (radians) => (radians * 180) / Math.PI;
export const AHEAD = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** A smooth step from 0 at the start to 1 at the stop. */
export function ramp(value, start, stop) {
  const t = clip((value - start) / (stop - start), 0, 1);
  return t * t * (3 - 2 * t);
}

/** How a head stands in an image: its rotation [3][3], px a cm, and the place of its origin. */
export class Camera {
  constructor(rotation, scale = 1, shift = [0, 0]) {
    Object.assign(this, { rotation, scale, shift });
  }

  /** Places x and y, and depths z, of points [N * 3] of the head. */
  project(points) {
    const count = points.length / 3;
    const [x, y, z] = [0, 1, 2].map(() => new Float64Array(count));
    const [right, down, out] = this.rotation;
    for (let i = 0; i < count; i++) {
      const [a, b, c] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
      z[i] = out[0] * a + out[1] * b + out[2] * c;
      const zoom = this.scale / (1 - z[i] / DISTANCE);
      x[i] = zoom * (right[0] * a + right[1] * b + right[2] * c) + this.shift[0];
      y[i] = zoom * (down[0] * a + down[1] * b + down[2] * c) + this.shift[1];
    }
    return { x, y, z };
  }

  /** The place of one point [3]. */
  place(point) {
    const { x, y } = this.project(point);
    return [x[0], y[0]];
  }

  /** What is down in the image of the head, a number of length 1. */
  get down() {
    const down = [this.rotation[0][1], this.rotation[1][1]];
    return scaled(down, 1 / size(down));
  }

  /** Degrees by which the head is turned to the right in the image. */
  get yaw() {
    return degrees(Math.asin(clip(-this.rotation[2][0], -1, 1)));
  }
}

export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

export function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));
}

/** x of matrix @ x = right, for a matrix [N][N] and right sides [N][M]; Gauss, with pivots. */
export function solve(matrix, right) {
  const rows = matrix.map((row, i) => Float64Array.from([...row, ...right[i]]));
  const count = rows.length;
  for (let i = 0; i < count; i++) {
    let best = i;
    for (let j = i + 1; j < count; j++) if (Math.abs(rows[j][i]) > Math.abs(rows[best][i])) best = j;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let j = 0; j < count; j++) {
      const factor = rows[j][i] / rows[i][i];
      if (j === i || factor === 0) continue;
      for (let k = i; k < rows[j].length; k++) rows[j][k] -= factor * rows[i][k];
    }
  }
  return rows.map((row, i) => Array.from(row.subarray(count), (value) => value / row[i]));
}

/** The least-squares scale and shift from places to places; shares [N] sum to 1. */
export function similarity(from, to, shares) {
  const sum = (values) => shares.reduce((all, share, i) => plus(all, scaled(values[i], share)), [0, 0]);
  const middle = sum(from);
  let [above, below] = [0, 0];
  from.forEach((place, i) => {
    const away = minus(place, middle);
    above += shares[i] * dot(away, to[i]);
    below += shares[i] * dot(away, away);
  });
  const scale = above / below;
  return { scale, shift: minus(sum(to), scaled(middle, scale)) };
}
