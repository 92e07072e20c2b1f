// Cameras, transformations, and what else of arithmetic the way to a portrait needs. Places are in
// px, x to the right and y down, whole numbers at the centres of pixels; lengths of heads are in cm.
// A transformation is [[a, b, c], [d, e, f]], from places of one image to those of another.

export const GRID = 256; // px of the frame in which places are found
export const DISTANCE = 120; // cm from the camera to the head
export const AHEAD = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
const [FRAME, CROP, CROP_SIDE, ABOVE] = [33, 18, 128, 6.5625]; // cm, cm, px, cm; as frame.py

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);
export const degrees = (radians) => (radians * 180) / Math.PI;
export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
export const transpose = (matrix) => matrix[0].map((_, j) => matrix.map((row) => row[j]));

/** The nearest whole number; of two, the even one, as NumPy and Python round. */
export function round(value) {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 ? near - 1 : near;
}

/** Changes smoothly from 0 at the first end to 1 at the second; the ends may fall. */
export function ramp(value, ends) {
  const t = clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1);
  return t * t * (3 - 2 * t);
}

/** The value at x of straight lines through places, whose x rise; beyond these it stays. */
export function interpolate(x, xs, ys) {
  if (x <= xs[0]) return ys[0];
  for (let i = 1; i < xs.length; i++) {
    if (x < xs[i]) return ys[i - 1] + ((ys[i] - ys[i - 1]) * (x - xs[i - 1])) / (xs[i] - xs[i - 1]);
  }
  return ys[xs.length - 1];
}

export const apply = ([[a, b, c], [d, e, f]], [x, y]) => [a * x + b * y + c, d * x + e * y + f];

export function invert([[a, b, c], [d, e, f]]) {
  const area = a * e - b * d;
  const [p, q, r, s] = [e / area, -b / area, -d / area, a / area];
  return [[p, q, -p * c - q * f], [r, s, -r * c - s * f]];
}

/** The transformation that applies `first` and then `second`. */
export function compose(second, first) {
  const [x, y] = apply(second, [first[0][2], first[1][2]]);
  const [[a, b], [c, d]] = product(second.map((row) => row.slice(0, 2)), first.map((row) => row.slice(0, 2)));
  return [[a, b, x], [c, d, y]];
}

/** The transformation of an image to one that is made so many times as large, as images.js does. */
export const zoom = (across, down = across) =>
  [[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]];

/** How many times as large a transformation makes things. */
export const growth = ([[a, b], [d, e]]) => Math.sqrt(Math.abs(a * e - b * d));

/** The transformation from the canonical crop to a portrait frame of so many px. */
export function toPortrait(size) {
  const scale = (size * CROP) / (FRAME * CROP_SIDE);
  const place = (corner) => (corner * size) / FRAME + 0.5 * scale - 0.5;
  return [[scale, 0, place((FRAME - CROP) / 2)], [0, scale, place(ABOVE)]];
}

/** Planes x and y of places, each transformed. */
export function applyAll([[a, b, c], [d, e, f]], [x, y]) {
  const out = [new Float32Array(x.length), new Float32Array(x.length)];
  for (let i = 0; i < x.length; i++) {
    out[0][i] = a * x[i] + b * y[i] + c;
    out[1][i] = d * x[i] + e * y[i] + f;
  }
  return out;
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
      const near = this.scale / (1 - z[i] / DISTANCE);
      x[i] = near * (right[0] * a + right[1] * b + right[2] * c) + this.shift[0];
      y[i] = near * (down[0] * a + down[1] * b + down[2] * c) + this.shift[1];
    }
    return { x, y, z };
  }

  /** The place of one point [3]. */
  place(point) {
    const { x, y } = this.project(point);
    return [x[0], y[0]];
  }

  /** Degrees by which the head is turned to the right in the image, -180 to 180. */
  get yaw() {
    const [left, down, toward] = this.rotation[2];
    return degrees(Math.atan2(-left, (toward < 0 ? -1 : 1) * Math.hypot(down, toward)));
  }

  /** The camera of the same head in an image to which this one is transformed. */
  moved(matrix) {
    const roll = Math.atan2(matrix[1][0], matrix[0][0]);
    const rotation = product(rotate([0, 0, roll]), this.rotation);
    return new Camera(rotation, this.scale * growth(matrix), apply(matrix, this.shift));
  }
}

/** The rotation [3][3] about a vector by its length in radians. */
export function rotate([x, y, z]) {
  const angle = Math.hypot(x, y, z);
  const across = [[0, -z, y], [z, 0, -x], [-y, x, 0]];
  const [sine, cosine] = angle > 1e-9
    ? [Math.sin(angle) / angle, 2 * (Math.sin(angle / 2) / angle) ** 2] : [1, 0.5];
  const square = product(across, across);
  return AHEAD.map((row, i) => row.map((one, j) => one + sine * across[i][j] + cosine * square[i][j]));
}

/** The vector of a rotation by less than half a turn; the inverse of `rotate`. */
export function vectorOf(r) {
  const across = [r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]];
  const sine = Math.sqrt(dot(across, across) + 1e-14) / 2;
  const angle = Math.atan2(sine, (r[0][0] + r[1][1] + r[2][2] - 1) / 2);
  return across.map((each) => ((each / 2) * angle) / sine);
}

export function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));
}

/** x of matrix @ x = right, for a matrix [N][N] and a right side [N]; Gauss, with pivots. */
export function solve(matrix, right) {
  const rows = matrix.map((row, i) => Float64Array.from([...row, right[i]]));
  const count = rows.length;
  for (let i = 0; i < count; i++) {
    let best = i;
    for (let j = i + 1; j < count; j++) if (Math.abs(rows[j][i]) > Math.abs(rows[best][i])) best = j;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let j = 0; j < count; j++) {
      const factor = rows[j][i] / rows[i][i];
      if (j === i || factor === 0) continue;
      for (let k = i; k <= count; k++) rows[j][k] -= factor * rows[i][k];
    }
  }
  return rows.map((row, i) => row[count] / row[i]);
}

/** The least-squares scale and shift from places to places; shares [N] sum to 1. */
export function similarity(from, to, shares) {
  const mean = (places, axis) => places.reduce((sum, place, i) => sum + shares[i] * place[axis], 0);
  const [middle, centre] = [from, to].map((places) => [mean(places, 0), mean(places, 1)]);
  let [above, below] = [0, 0];
  from.forEach((place, i) => {
    for (const axis of [0, 1]) {
      const away = place[axis] - middle[axis];
      above += shares[i] * away * (to[i][axis] - centre[axis]);
      below += shares[i] * away * away;
    }
  });
  const scale = Math.max(above / Math.max(below, 1e-9), 1e-3);
  return { scale, shift: centre.map((each, axis) => each - scale * middle[axis]) };
}
