// One face on the page: its portrait over the photo, with all that can be wished of it.

const FARTHEST = 45; // degrees that a head can be turned to each side
const BACKGROUNDS = { auto: "as it fits", keep: "the photo's own", plain: "plain", colour: "a colour" };

/** An element with properties, attributes and children. */
function make(tag, { attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A picture that says what it shows. */
const picture = (label) => make("canvas", { attributes: { role: "img", "aria-label": label } });

/** Paints colours [side * side * 3]. */
function paint(canvas, colours, side) {
  canvas.width = canvas.height = side;
  const pixels = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let i = 0; i < side * side; i++) {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = colours[3 * i + c];
  }
  canvas.getContext("2d").putImageData(new ImageData(pixels, side, side), 0, 0);
}

const aside = (yaw) => {
  const degrees = `${Math.abs(yaw).toFixed(0)}°`;
  return Math.round(yaw) === 0 ? "to the front" : `${degrees} to the ${yaw < 0 ? "left" : "right"}`;
};

/** The figure of a face; `wish` is told {yaw, pitch, background} whenever they change. */
export class Figure {
  constructor(number, wish) {
    this.name = `Face ${number + 1}`;
    this.wish = wish;
    this.wished = 0; // how often
    this.element = make("figure", { attributes: { "aria-label": this.name } });
    this.before = picture(`${this.name} in the photo`);
    this.after = picture(`${this.name}, the portrait`);
    this.said = make("span");
    this.link = make("a", { textContent: "Download as PNG", download: `portrait_${number + 1}.png` });
  }

  /** The elements that change the portrait, made once there is one. */
  controls() {
    const over = make("input", { type: "range", min: 0, max: 100, value: 100, attributes: {
      "aria-label": `${this.name}: how much of the portrait is shown over the photo` } });
    over.oninput = () => { this.after.style.clipPath = `inset(0 ${100 - over.value}% 0 0)`; };
    const yaw = make("input", { type: "range", min: -FARTHEST, max: FARTHEST, value: 0, attributes: {
      "aria-label": `${this.name}: where the portrait looks`, "aria-valuetext": aside(0) } });
    const kinds = Object.entries(BACKGROUNDS).map(([value, textContent]) => make("option", { value, textContent }));
    const background = make("select", { attributes: { "aria-label": `${this.name}: background` } }, ...kinds);
    const colour = make("input", { type: "color", value: "#d0d0d0", hidden: true, attributes: {
      "aria-label": `${this.name}: colour of the background` } });
    const looks = make("span", { textContent: aside(0) });
    const tell = () => {
      looks.textContent = aside(yaw.valueAsNumber);
      yaw.setAttribute("aria-valuetext", looks.textContent);
      colour.hidden = background.value !== "colour";
      this.element.setAttribute("aria-busy", "true");
      URL.revokeObjectURL(this.link.href);
      this.link.removeAttribute("href"); // which is of an older wish
      this.wished += 1;
      this.wish({
        yaw: yaw.valueAsNumber, pitch: 0, background: colour.hidden ? background.value : colour.value, wish: this.wished,
      });
    };
    for (const control of [yaw, background, colour]) control.oninput = tell;
    return [
      make("label", { className: "ends" }, "photo", over, "portrait"),
      make("label", {}, make("span", {}, "Looks ", looks), yaw),
      make("label", {}, "Background", make("span", {}, background, colour)),
    ];
  }

  /** Shows a portrait, or why there is none. */
  show({ side, image, before, yaw, seen, fault, wish = 0 }) {
    const newest = wish === this.wished;
    if (newest) this.element.removeAttribute("aria-busy");
    if (fault) return this.element.append(make("p", { textContent: `${this.name} is left out: ${fault}.` }));
    if (!this.element.childElementCount) {
      this.element.append(make("div", { className: "pair" }, this.before, this.after),
        ...this.controls(), make("figcaption", {}, this.said, this.link));
    }
    paint(this.before, before, side);
    paint(this.after, image, side);
    const share = Math.round(100 * seen);
    this.said.textContent = `${this.name}: it looks ${aside(yaw)} in the photo, which shows `
      + (share === 100 ? "all of this face. " : `${share} % of this face; the rest is mirrored or invented. `);
    if (newest) this.after.toBlob((blob) => {
      URL.revokeObjectURL(this.link.href);
      if (this.element.isConnected && wish === this.wished) this.link.href = URL.createObjectURL(blob);
    });
  }

  /** Takes it off the page, and lets go of its pictures. */
  clear() {
    this.element.remove();
    URL.revokeObjectURL(this.link.href);
    for (const canvas of [this.before, this.after]) canvas.width = canvas.height = 0;
  }
}
