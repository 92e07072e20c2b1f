// The networks as functions, by onnxruntime-web: on the GPU where that works, else on the CPU.

const FOLDER = new URL("ort/", import.meta.url).href;
const THREADS = 4; // at most; more help little

/** The runtime and where it computes: {ort, provider, where}. */
export async function loadRuntime(wanted = "") {
  const adapter = wanted === "wasm" ? null : await navigator.gpu?.requestAdapter().catch(() => null);
  const ort = await import(`${FOLDER}ort.${adapter ? "webgpu" : "wasm"}.min.mjs`);
  const threads = self.crossOriginIsolated ? Math.min(THREADS, navigator.hardwareConcurrency || 1) : 1;
  Object.assign(ort.env.wasm, { wasmPaths: FOLDER, numThreads: threads });
  ort.env.logLevel = "error";
  const where = adapter ? "on the graphics card" : `on ${threads === 1 ? "one thread" : `${threads} threads`}`;
  return { ort, provider: adapter ? "webgpu" : "wasm", where };
}

/**
 * A network as a function from {name: [Float32Array, dims]} to {name: Float32Array}.
 *
 * It raises what the runtime raises if the provider cannot run it.
 */
export async function loadNetwork({ ort, provider }, bytes) {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider] });
  return async (inputs) => {
    const feeds = Object.entries(inputs).map(([name, [data, dims]]) => [name, new ort.Tensor("float32", data, dims)]);
    const said = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(Object.entries(said).map(([name, tensor]) => [name, tensor.data]));
  };
}
