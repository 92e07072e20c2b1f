// The networks as functions, by onnxruntime-web: on the GPU where that works, else on the CPU.

import { loadHead } from "./head.js";

const SITE = new URL("./", import.meta.url);
const RUNTIME = new URL("ort/", SITE).href;
const THREADS = 4; // at most; more help little

/** The bytes of a file of this site. */
async function fetchBytes(name) {
  const answer = await fetch(new URL(name, SITE));
  if (!answer.ok) throw new Error(`${name} is missing on the server (${answer.status})`);
  return answer.arrayBuffer();
}

/** Marks an error as one that the runtime repeats for ever, so that a new worker is needed. */
function markBroken(error) {
  throw Object.assign(error, { broken: true });
}

/**
 * The head and the networks; those of the processor if no graphics card may or can run them.
 *
 * `say` is told of each step, `tell` at the end where they run.
 */
export const load = (card, say, tell) => loadAll(card, say, tell).catch(markBroken);

async function loadAll(card, say, tell) {
  const listed = JSON.parse(new TextDecoder().decode(await fetchBytes("site.json")));
  let loaded = 0;
  const fetchTold = async (name) => {
    const bytes = await fetchBytes(name);
    loaded += bytes.byteLength;
    say(`loading, once: ${(loaded / 1e6).toFixed(0)} of ${(listed.bytes / 1e6).toFixed(0)} MB`);
    return bytes;
  };
  const files = await Promise.all(listed.networks.map((name) => fetchTold(`${name}.onnx`)));
  const head = await loadHead(listed.head, fetchTold);
  let [runtime, networks, note] = [await loadRuntime(card), {}, ""];
  try {
    networks = await open(runtime, listed.networks, files, say);
  } catch (error) {
    if (runtime.provider === "wasm") throw error;
    runtime = await loadRuntime(false);
    networks = await open(runtime, listed.networks, files, say);
    note = ", since the graphics card failed";
  }
  tell(`Computed ${runtime.where}${note}.`);
  return { networks, head };
}

async function open(runtime, names, files, say) {
  const networks = {};
  for (const [i, name] of names.entries()) {
    say(`starting the networks: ${name}`);
    networks[name] = await loadNetwork(runtime, files[i]);
  }
  return networks;
}

/** Whether there is a graphics card; what only imitates one takes ten times as long as the processor. */
async function hasCard() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !adapter.info?.isFallbackAdapter;
}

/** The runtime and where it computes: {ort, provider, where}. */
async function loadRuntime(card) {
  const provider = card && (await hasCard()) ? "webgpu" : "wasm";
  const ort = await import(`${RUNTIME}ort.${provider}.min.mjs`);
  const threads = self.crossOriginIsolated ? Math.min(THREADS, navigator.hardwareConcurrency || 1) : 1;
  Object.assign(ort.env.wasm, { wasmPaths: RUNTIME, numThreads: threads });
  ort.env.logLevel = "error";
  const many = threads === 1 ? "one thread" : `${threads} threads`;
  return { ort, provider, where: `on ${provider === "webgpu" ? "the graphics card" : many}` };
}

/**
 * A network as a function from {name: [Float32Array, dims]} to {name: Float32Array}.
 *
 * It raises what the runtime raises if the provider cannot run it.
 */
async function loadNetwork({ ort, provider }, bytes) {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider], logSeverityLevel: 3 });
  return async (inputs) => {
    const feeds = Object.entries(inputs).map(([name, [data, dims]]) => [name, new ort.Tensor("float32", data, dims)]);
    const said = await session.run(Object.fromEntries(feeds)).catch(markBroken);
    return Object.fromEntries(Object.entries(said).map(([name, tensor]) => [name, tensor.data]));
  };
}
