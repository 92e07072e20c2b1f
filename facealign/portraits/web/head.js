// The 3D head: a mean and its modes, read from the raw arrays that head.json lists.

const READERS = {
  float16: (buffer) => halves(new Uint16Array(buffer)),
  float32: (buffer) => new Float32Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
};
const CUT = 12.5; // cm: y of the mean head below which its neck does not turn

/** Numbers of 16 bits as numbers of 32. */
function halves(bits) {
  const table = new Float32Array(65536);
  for (let i = 0; i < 65536; i++) {
    const [exponent, rest] = [(i >> 10) & 31, i & 1023];
    const size = exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024);
    table[i] = i >> 15 ? -size : size;
  }
  return Float32Array.from(bits, (each) => table[each]);
}

/**
 * The head, by a function from a file's name to its bytes: `points` and `marks`, each with one row
 * for the mean and one for each mode, rows of vertices and of 68 landmarks; `triangles` without the
 * lower neck; `part` of each vertex; how many modes there are of `identity` and of `expression`.
 */
export async function loadHead(listed, fetchBytes) {
  const head = { identity: listed.identity, expression: listed.expression };
  for (const [name, { type, file }] of Object.entries(listed.arrays)) {
    head[name] = READERS[type](await fetchBytes(file));
  }
  const rows = 1 + head.identity + head.expression;
  for (const name of ["points", "marks"]) {
    const length = head[name].length / rows;
    head[name] = Array.from({ length: rows }, (_, i) => head[name].subarray(i * length, (i + 1) * length));
  }
  const [mean, kept] = [head.points[0], []];
  for (let i = 0; i < head.triangles.length; i += 3) {
    const corners = head.triangles.subarray(i, i + 3);
    if (corners.every((corner) => mean[3 * corner + 1] < CUT)) kept.push(...corners);
  }
  return { ...head, triangles: Uint16Array.from(kept) };
}

/** The mean and its modes [1 + N] times coefficients [N]: what one head has. */
export function shape(rows, coefficients) {
  const points = Float64Array.from(rows[0]);
  coefficients.forEach((factor, number) => {
    const mode = rows[number + 1];
    for (let i = 0; i < points.length; i++) points[i] += factor * mode[i];
  });
  return points;
}
