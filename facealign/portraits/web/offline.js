// A service worker that keeps the files of this site in the browser, so that the page works offline.
// It adds headers that a plain server does not send: with them the networks may run on several
// threads, and a policy binds the workers too.

importScripts("files.js"); // FILES: a digest of each file of this version of the site

const SITE = new URL("./", self.location).href;
const KEPT = `files of ${SITE}`; // other sites of this server keep theirs
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Content-Security-Policy": "default-src 'self' blob: data: 'wasm-unsafe-eval'",
};
const NAMES = Object.keys(FILES);
const PAGE = NAMES.filter((name) => /^[^/]+\.(html|css|js|json)$/.test(name)); // kept at once
const keyOf = (name) => `${SITE}${name}?${FILES[name]}`; // so that what changes is loaded again

/** Whether a file is of this version; while a site is uploaded, some are of another. */
async function isRight(name, found) {
  if (!found.ok) return false;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await found.arrayBuffer()));
  return [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("") === FILES[name];
}

/** A file of the site: as it is kept, else from the server, which is kept if it is of this version. */
async function answer(name) {
  const files = await caches.open(KEPT);
  let found = await files.match(keyOf(name));
  if (!found) {
    found = await fetch(SITE + name, { cache: "no-cache" });
    if (!found.ok) return found;
    if (await isRight(name, found.clone())) {
      await files.put(keyOf(name), found.clone()).catch(() => {}); // no space: `isWhole` says so
    }
  }
  const headers = new Headers(found.headers);
  for (const [header, value] of Object.entries(HEADERS)) headers.set(header, value);
  return new Response(found.body, { headers });
}

/** Keeps a file; it raises an error if the server has none of this version. */
async function keep(name) {
  const found = await answer(name);
  if (!(await isRight(name, found))) throw new Error(`${name} is of another version`);
}

/** Forgets what is of no file of this version. */
async function forget() {
  const [files, current] = [await caches.open(KEPT), new Set(NAMES.map(keyOf))];
  const old = (await files.keys()).filter(({ url }) => !current.has(url));
  await Promise.all(old.map((each) => files.delete(each)));
}

/** Whether all is kept that portraits need: every file, and of the runtimes one. */
async function isWhole() {
  const kept = new Set((await (await caches.open(KEPT)).keys()).map(({ url }) => url));
  const has = (name) => kept.has(keyOf(name));
  const isRuntime = (name) => name.startsWith("ort/");
  return NAMES.every((name) => isRuntime(name) || has(name)) && NAMES.some((name) => name.endsWith(".wasm") && has(name));
}

self.addEventListener("install", (event) => event.waitUntil(Promise.all(PAGE.map(keep))));
self.addEventListener("activate", (event) => event.waitUntil(forget().then(() => self.clients.claim())));
self.addEventListener("message", (event) => {
  event.waitUntil(isWhole().then((whole) => event.ports[0].postMessage(whole)));
});
self.addEventListener("fetch", (event) => {
  const [address] = event.request.url.split(/[?#]/);
  if (event.request.method !== "GET" || !address.startsWith(SITE)) return;
  const name = address.slice(SITE.length) || "index.html";
  if (name in FILES) event.respondWith(answer(name));
});
