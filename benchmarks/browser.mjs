// Drives the page for browser.py. Takes a plan as JSON in its one argument; prints a line of JSON for
// each result. A line {stop} or {measure} waits until a line comes in.

import { existsSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const playwright = createRequire(join(process.cwd(), "any"))("playwright-core");
const plan = JSON.parse(process.argv[2]);
const CHROMIUM = plan.browser === "chromium";
const LONGEST = 180e3; // ms for one photo on a machine that is busy
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const print = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function ask(what, told = {}) {
  print({ [what]: true, ...told });
  await answers.next();
}

/** Starts the browser; with a camera that shows the plan's film. Firefox may be dark. */
function launch(dark = false) {
  const executablePath = plan.executable;
  if (CHROMIUM) {
    const camera = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${plan.film}`];
    return playwright.chromium.launch({ executablePath, args: ["--no-sandbox", ...camera] });
  }
  const firefoxUserPrefs = {
    "browser.download.folderList": 2,
    "browser.download.dir": plan.out,
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "layout.css.prefers-color-scheme.content-override": dark ? 0 : 1,
  };
  return playwright._bidiFirefox.launch({ executablePath, firefoxUserPrefs });
}

/** The page, with all that it says and asks for. */
async function open(browser) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 1000 } });
  const page = await context.newPage();
  const heard = { console: [], addresses: [] };
  page.on("console", (message) => heard.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => heard.console.push(`error: ${error.message}`));
  context.on("request", (request) => heard.addresses.push(request.url()));
  await visit(page);
  return { context, page, heard };
}

async function visit(page) {
  await page.goto(plan.address);
  await page.locator("#photo:enabled").waitFor();
}

/** Waits until the page has done what it was asked for: seconds, and what it says. */
async function finished(page, start) {
  const ended = page.locator("#state", { hasText: /^Done/ }).or(page.locator("#fault:not(:empty)"));
  await ended.first().waitFor({ timeout: LONGEST });
  const seconds = (Date.now() - start) / 1000;
  const [state, fault] = [await page.locator("#state").textContent(), await page.locator("#fault").textContent()];
  return { seconds, says: fault || state, faces: await page.locator("figure .pair").count() };
}

async function upload(page, photo) {
  const start = Date.now();
  await page.locator("#photo").setInputFiles(photo);
  return finished(page, start);
}

/** Saves the portrait of a figure by its link. */
async function download(page, path) {
  const link = page.locator("figure a[href]").first();
  await link.waitFor();
  if (CHROMIUM) {
    const coming = page.waitForEvent("download");
    await link.click();
    return (await coming).saveAs(path);
  }
  await link.click();
  const saved = join(plan.out, "portrait_1.png"); // the name of the link
  while (!existsSync(saved) || !statSync(saved).size || existsSync(`${saved}.part`)) await pause(50);
  renameSync(saved, path);
}

/** Every photo, and what the page has taken at the end. */
async function runPhotos({ page, heard }) {
  for (const [i, photo] of plan.photos.entries()) {
    const made = await upload(page, photo);
    const file = made.faces ? join(plan.out, `photo_${i}.png`) : "";
    if (file) await download(page, file);
    print({ photo, ...made, file });
    if (i === 0) await ask("loaded");
  }
  await pause(2000);
  const foreign = heard.addresses.filter((each) => !/^(blob|data):/.test(each) && !each.startsWith(plan.address));
  await ask("measure", { console: heard.console, foreign });
}

/** What the issue of the page asks for, one after the other; each prints what the page says. */
const CASES = {
  async "two after another"(page, context, faces) {
    await page.locator("#photo").setInputFiles(plan.cases.group);
    const made = await upload(page, plan.cases.frontal);
    if (made.faces !== faces.frontal) throw new Error(`${made.faces} faces are shown, of ${faces.frontal}`);
    return made;
  },
  async "yaw by 20 keys"(page) {
    await page.locator("figure input[aria-label*='looks']").first().focus();
    for (let key = 0; key < 20; key++) await page.keyboard.press("ArrowRight");
    const start = Date.now();
    return finished(page, start);
  },
  async "a coloured background"(page) {
    const start = Date.now();
    await page.locator("figure select").first().selectOption("colour");
    return finished(page, start);
  },
  async camera(page, context) {
    await visit(page);
    if (CHROMIUM) await context.grantPermissions(["camera"]);
    await page.locator("#open").click();
    await page.locator("#video").waitFor();
    await pause(500);
    const start = Date.now();
    await page.locator("#take").click();
    const made = await finished(page, start);
    if (await page.locator("#video").isVisible()) throw new Error("the camera is still on");
    return made;
  },
  async "camera that is denied"(page, context) {
    if (!CHROMIUM) return { says: "not tried" };
    await visit(page);
    await context.clearPermissions();
    await page.locator("#open").click();
    return finished(page, Date.now());
  },
  async "a foreign address, from the worker"(page) {
    if (!CHROMIUM) return { says: "not tried" };
    await upload(page, plan.cases.frontal); // with which a worker starts
    const [worker] = page.workers();
    const said = await worker.evaluate(() => new Promise((resolve) => {
      self.addEventListener("securitypolicyviolation", (event) => resolve(`refused by ${event.effectiveDirective}`));
      fetch("http://127.0.0.1:9/").then(() => resolve("sent"), () => setTimeout(resolve, 1000, "not refused"));
    }));
    return { says: said };
  },
  async names(page) {
    if (!CHROMIUM) return { says: "not tried" };
    const nameless = await page.evaluate(() => [...document.querySelectorAll("input, select, button, a, canvas, video, figure, section")]
      .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.[0]?.textContent.trim()))
      .map((each) => each.outerHTML.slice(0, 80)));
    return { says: nameless.length ? `nameless: ${nameless.join("; ")}` : "all controls and pictures have names" };
  },
};

/** The smallest contrast of a text with the page, which has one background. */
function leastContrast() {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3)
      .map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const shown = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility() && !each.disabled);
  return Math.min(...shown.map((each) => {
    const ink = light(getComputedStyle(each).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  }));
}

/** Pictures of the page at three widths, in some colour schemes. */
async function takeScreens(page, schemes) {
  for (const width of [360, 800, 1600]) {
    for (const colorScheme of schemes) {
      await page.setViewportSize({ width, height: 900 });
      if (CHROMIUM) await page.emulateMedia({ colorScheme });
      if (plan.screens) await page.screenshot({ path: join(plan.screens, `${plan.browser}_${width}_${colorScheme}.png`), fullPage: true });
      if (!CHROMIUM) continue;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      const contrast = (await page.evaluate(leastContrast)).toFixed(1);
      print({ case: `${width} px, ${colorScheme}`, says: `${wide > width ? `${wide} px wide` : "nothing beyond"}, contrast ${contrast}` });
    }
  }
}

/** Those of a Firefox that was started dark, since a running one cannot be told. */
async function takeDarkScreens() {
  const dark = await launch(true);
  const { page } = await open(dark);
  await upload(page, plan.cases.group);
  await takeScreens(page, ["dark"]);
  await dark.close();
}

async function runCases({ page, context }) {
  const faces = {}; // how many each photo has
  for (const [name, photo] of Object.entries(plan.cases)) {
    const made = await upload(page, photo);
    faces[name] = made.faces;
    print({ case: name, ...made });
  }
  for (const [name, run] of Object.entries(CASES)) {
    const made = await run(page, context, faces).catch((error) => ({ says: `FAILED: ${error.message.split("\n")[0]}` }));
    print({ case: name, ...made });
  }
  await upload(page, plan.cases.group);
  await takeScreens(page, CHROMIUM ? ["light", "dark"] : ["light"]);
  if (!CHROMIUM) await takeDarkScreens();
  await ask("stop"); // the server
  await page.reload();
  await page.locator("#photo:enabled").waitFor();
  print({ case: "offline, opened again", ...(await upload(page, plan.cases.frontal)) });
}

const browser = await launch();
try {
  const opened = await open(browser);
  if (plan.photos.length) await runPhotos(opened);
  if (plan.cases) await runCases(opened);
} finally {
  await browser.close();
  process.stdin.destroy();
}
