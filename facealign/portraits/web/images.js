// Images as {width, height, channels, data}, and how they are cut, scaled and warped: exactly as
// Pillow does it, so that networks see what they saw in training.

import { compose, growth, invert, round, zoom } from "./geometry.js";

const ALMOST = 0.9; // a photo that would be shrunk less keeps its pixels
const FILTERS = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  linear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    at(x) {
      const t = Math.abs(x) * Math.PI;
      if (t === 0) return 1;
      return t >= Math.PI ? 0 : (Math.sin(t) / t) * (0.54 + 0.46 * Math.cos(t));
    },
  },
};

/** For each of `to` pixels the first of `from` that it is made of, and its weights. */
function weigh(from, to, filter) {
  const zoom = from / to;
  const wide = Math.max(zoom, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * zoom;
    const first = Math.max(0, Math.trunc(centre - filter.support * wide + 0.5));
    const last = Math.min(from, Math.trunc(centre + filter.support * wide + 0.5));
    const weights = new Float64Array(last - first);
    let sum = 0;
    for (let k = first; k < last; k++) {
      sum += weights[k - first] = filter.at((k - centre + 0.5) / wide);
    }
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** One axis of a resize: `step` is between neighbours of a line, `lines` lists where lines begin. */
function resizeAxis(data, out, parts, step, lines, outLines) {
  lines.forEach((line, number) => {
    let to = outLines[number];
    for (const { first, weights } of parts) {
      let sum = 0;
      let from = line + first * step;
      for (let k = 0; k < weights.length; k++, from += step) sum += weights[k] * data[from];
      out[to] = sum;
      to += step;
    }
  });
}

/** A photo of bytes, with another size. */
export function resize(image, width, height, kind) {
  const { channels } = image;
  let { data } = image;
  if (width !== image.width) {
    const out = new Uint8ClampedArray(width * image.height * channels);
    const parts = weigh(image.width, width, FILTERS[kind]);
    for (let row = 0; row < image.height; row++) {
      const starts = Array.from({ length: channels }, (_, c) => row * image.width * channels + c);
      const ends = starts.map((_, c) => row * width * channels + c);
      resizeAxis(data, out, parts, channels, starts, ends);
    }
    data = out;
  }
  if (height !== image.height) {
    data = resizeRows(data, width * channels, weigh(image.height, height, FILTERS[kind]));
  }
  return { width, height, channels, data };
}

function resizeRows(data, length, parts) {
  const out = new Uint8ClampedArray(length * parts.length);
  const sums = new Float64Array(length);
  parts.forEach(({ first, weights }, row) => {
    sums.fill(0);
    weights.forEach((weight, k) => {
      const from = (first + k) * length;
      for (let i = 0; i < length; i++) sums[i] += weight * data[from + i];
    });
    out.set(sums, row * length);
  });
  return out;
}

/** The gray levels of a photo in colour. */
export function gray(photo) {
  const { width, height, data } = photo;
  const out = new Uint8ClampedArray(width * height);
  for (let i = 0, k = 0; i < out.length; i++, k += 3) {
    out[i] = (data[k] * 19595 + data[k + 1] * 38470 + data[k + 2] * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: out };
}

/** The pixels from (left, top) to before (right, bottom). */
export function crop(image, left, top, right, bottom) {
  const [width, height, { channels }] = [right - left, bottom - top, image];
  const data = new image.data.constructor(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}

/** A photo, that many times as large if that is less, and the transformation to it. */
export function shrink(photo, factor) {
  if (factor >= ALMOST) return { image: photo, matrix: zoom(1) };
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, round(side * factor)));
  const image = resize(photo, width, height, factor < 0.5 ? "box" : "hamming");
  return { image, matrix: zoom(width / photo.width, height / photo.height) };
}

/** A photo whose blocks of `count` x `count` px are one px; those at its end may be smaller. */
export function reduce(photo, count) {
  const { channels, data } = photo;
  const [width, height] = [photo.width, photo.height].map((side) => Math.ceil(side / count));
  const out = new Uint8ClampedArray(width * height * channels);
  for (let row = 0, to = 0; row < height; row++) {
    const bottom = Math.min((row + 1) * count, photo.height);
    for (let column = 0; column < width; column++) {
      const right = Math.min((column + 1) * count, photo.width);
      const pixels = (right - column * count) * (bottom - row * count);
      for (let c = 0; c < channels; c++) {
        let sum = pixels >> 1;
        for (let y = row * count; y < bottom; y++) {
          for (let x = column * count; x < right; x++) sum += data[(y * photo.width + x) * channels + c];
        }
        out[to++] = Math.floor(sum / pixels);
      }
    }
  }
  return { width, height, channels, data: out };
}

/**
 * The square of `size` px to which a transformation brings a photo in colour.
 *
 * Pixels are averaged where the photo is larger; beyond it, its border is repeated.
 */
export function cropLarge(photo, matrix, size) {
  const blocks = Math.max(1, Math.trunc(1 / growth(matrix)));
  const [from, placed] = blocks > 1
    ? [reduce(photo, blocks), compose(matrix, zoom(blocks))] : [photo, matrix];
  const factor = Math.max(1, Math.ceil(1 / growth(placed) - 1e-6)); // drawn larger, then averaged
  const back = compose(invert(placed), zoom(1 / factor));
  const large = warp(from, back, size * factor);
  return factor > 1 ? reduce(large, factor) : large;
}

/** A square of `size` px of a photo in colour, bicubic, by the transformation back to the photo. */
function warp({ width, height, data }, [[a, b, c], [d, e, f]], size) {
  const out = new Uint8ClampedArray(3 * size * size);
  const [columns, rows, lines] = [new Int32Array(4), new Int32Array(4), new Float64Array(4)];
  for (let row = 0, to = 0; row < size; row++) {
    for (let column = 0; column < size; column++, to += 3) {
      const x = a * column + b * row + c;
      const y = d * column + e * row + f;
      const left = Math.floor(x);
      const top = Math.floor(y);
      for (let k = 0; k < 4; k++) {
        columns[k] = 3 * Math.min(Math.max(left - 1 + k, 0), width - 1);
        rows[k] = 3 * width * Math.min(Math.max(top - 1 + k, 0), height - 1);
      }
      for (let channel = 0; channel < 3; channel++) {
        for (let k = 0; k < 4; k++) {
          const at = rows[k] + channel;
          lines[k] = cubic(data[at + columns[0]], data[at + columns[1]], data[at + columns[2]],
            data[at + columns[3]], x - left);
        }
        out[to + channel] = Math.trunc(cubic(lines[0], lines[1], lines[2], lines[3], y - top));
      }
    }
  }
  return { width: size, height: size, channels: 3, data: out };
}

/** Between the second and the third of four numbers, as Pillow's bicubic transformation. */
function cubic(first, second, third, fourth, t) {
  const square = 2 * (first - second) + third - fourth;
  return second + t * (third - first + t * (square + t * (second - first + fourth - third)));
}
