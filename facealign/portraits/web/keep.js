// Has the browser keep this site, by the service worker of offline.js.

/**
 * Begins to keep it. The first visit goes on as a second one, with the headers that threads need.
 *
 * It raises what the browser raises if it refuses.
 */
export async function keepSite() {
  if (!navigator.serviceWorker) throw new Error("browsers keep sites of https alone, and none in private windows");
  const { active, installing, waiting } = await navigator.serviceWorker.register("offline.js", { updateViaCache: "none" });
  if (!active) await activated(installing ?? waiting);
  const [visit] = performance.getEntriesByType("navigation");
  if (self.crossOriginIsolated || visit.type === "reload") return;
  location.reload();
  await new Promise(() => {}); // until the page is gone
}

/** Waits for a service worker; it raises an error if that gives up. */
function activated(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("not all of its files could be loaded"));
    };
    worker.onstatechange = look;
    look();
  });
}

/** Whether all is kept that portraits need. */
export async function isKept() {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return false;
  const { port1, port2 } = new MessageChannel();
  worker.postMessage("whole", [port2]);
  return new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
}
