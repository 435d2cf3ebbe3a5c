// The stage of photographs: one picture in view, the others in a strip below it.

const STEP = 1.25; // one press of + or one notch of the wheel
const PAN = 80; // CSS pixels by one press of an arrow key
const keptStages = new Map(); // what a reader looked at and altered, by case

class PhotoStage {
  constructor(root, data) {
    Object.assign(this, { root, data });
    // Before the facts of a file are known it has one frame of unknown size.
    this.pictures = data.pictures.map((picture, index) => ({ ...picture, index, problem: "" }));
    const start = { index: 0, brightness: 0, contrast: 0, balanced: false };
    this.state = { ...start, ...keptStages.get(data.key) };
    this.state.index = Math.min(this.state.index, this.pictures.length - 1);
    this.view = new View();
    this.loaded = new LoadedPictures();
    this.factors = new Map();
    this.fingers = new Map();
    this.find = (selector) => root.querySelector(selector);
  }

  open() {
    this.find(".stage").setAttribute("aria-label", this.data.title);
    const pairs = this.data.keys.flatMap(([keys, what]) => [make("dt", {}, keys), make("dd", {}, what)]);
    this.find(".keys").replaceChildren(...pairs);
    this.fillStrip();
    this.find(".stage").hidden = false;
    this.listen();
    this.place();
    this.go(this.state.index);
    this.learn();
  }

  // Ask for the facts of all files, the one in view first.
  async learn() {
    const { picture } = this;
    await this.learnOf(picture);
    for (const other of this.pictures.filter((each) => each !== picture)) await this.learnOf(other);
  }

  async learnOf(picture) {
    if (picture.known || this.closed) return;
    let facts;
    try {
      facts = await this.loaded.facts(picture);
    } catch {
      return; // what is wrong is said where the picture itself cannot be loaded
    }
    const { frames, ...shared } = facts;
    const found = (frames ?? [{}]).map((each) => ({ ...picture, ...each, ...shared, known: true }));
    const shown = this.picture;
    this.pictures.splice(picture.index, 1, ...found);
    this.pictures.forEach((each, index) => { each.index = index; });
    this.state.index = shown === picture ? found[0].index : shown.index;
    if (found.length > 1 || found[0].problem) this.fillStrip();
    this.describe();
    this.resize();
  }

  close() {
    this.closed = true;
    this.sizes?.disconnect();
    window.removeEventListener("resize", this.placed);
  }

  get picture() {
    return this.pictures[this.state.index];
  }

  // The height of what is above, from which the style computes the height of the stage.
  place() {
    const stage = this.find(".stage");
    const above = heightAbove(stage);
    if (above !== null) stage.style.setProperty("--above", `${Math.round(above)}px`);
    // A dialog has a margin and a padding of its own below.
    if (stage.getRootNode().host?.closest("[role=dialog]")) stage.style.setProperty("--below", "4.5rem");
  }

  fillStrip() {
    const strip = this.find(".strip");
    strip.hidden = this.pictures.length < 2;
    strip.replaceChildren(...this.pictures.map((picture, index) => {
      const button = make("button", { type: "button", "aria-label": this.name(picture) });
      if (picture.problem) {
        button.append(make("b", { class: "problem", "aria-hidden": "true" }, "!"));
        button.setAttribute("aria-label", `${this.name(picture)}, cannot be shown`);
      } else {
        button.append(make("img", { src: picture.thumbnail, alt: "", draggable: "false" }));
      }
      button.append(make("span", { "aria-hidden": "true" }, `${index + 1}`));
      button.addEventListener("click", () => this.go(index));
      return make("li", {}, button);
    }));
  }

  name({ index }) {
    const { one } = this.data;
    return this.pictures.length > 1 ? `${one} ${index + 1} of ${this.pictures.length}` : one;
  }

  listen() {
    const on = (selector, kind, act, options) =>
      this.find(selector).addEventListener(kind, act, options);
    on(".in", "click", () => this.zoom(this.view.scale * STEP));
    on(".out", "click", () => this.zoom(this.view.scale / STEP));
    on(".fit", "click", () => this.fit());
    on(".native", "click", () => this.zoom(1 / devicePixelRatio));
    on(".again", "click", () => {
      this.go(this.state.index);
      this.learn();
    });
    on(".balance", "click", () => this.alter({ balanced: !this.state.balanced }));
    listenToTones(this.find, (change) => this.alter(change));
    on(".stage", "keydown", (event) => this.key(event));
    on(".view", "wheel", (event) => this.wheel(event), { passive: false });
    on(".view", "dblclick", (event) => this.toggle(event));
    on(".view", "pointerdown", (event) => this.press(event));
    on(".view", "pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) on(".view", end, (event) => this.release(event));
    closeMenus(this.find(".stage"));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.find(".view"));
    this.placed = () => this.place();
    window.addEventListener("resize", this.placed);
  }

  key(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const slider = target.matches("input");
    const inView = target.matches(".view");
    const pans = {
      ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN],
    };
    const acts = {
      "+": () => this.zoom(this.view.scale * STEP),
      "=": () => this.zoom(this.view.scale * STEP),
      "-": () => this.zoom(this.view.scale / STEP),
      0: () => this.fit(),
      1: () => this.zoom(1 / devicePixelRatio),
      "]": () => this.step(1),
      "[": () => this.step(-1),
      PageDown: () => this.step(1),
      PageUp: () => this.step(-1),
      w: () => this.alter({ balanced: !this.state.balanced }),
      "?": () => this.toggleKeys(),
    };
    const act = pans[key] ? inView && (() => this.pan(...pans[key])) : !slider && acts[key];
    if (act) {
      act();
      event.preventDefault();
    }
    // Letters and digits mean something else outside the stage.
    if (act || key.length === 1) event.stopPropagation();
  }

  toggleKeys() {
    const menu = this.find(".help");
    menu.open = !menu.open;
    if (menu.open) menu.querySelector("summary").focus();
  }

  wheel(event) {
    event.preventDefault();
    const notch = event.deltaMode === 0 ? 100 : 3;
    const notches = Math.min(Math.max(-event.deltaY / notch, -2), 2) * (event.ctrlKey ? 4 : 1);
    this.zoom(this.view.scale * STEP ** notches, ...this.spot(event));
  }

  toggle(event) {
    if (this.view.fitted) this.zoom(1 / devicePixelRatio, ...this.spot(event));
    else this.fit();
  }

  // The place of a pointer on the stage, in CSS pixels.
  spot({ clientX, clientY }) {
    const box = this.find(".view").getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  press(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    const view = this.find(".view");
    view.focus({ preventScroll: true });
    this.fingers.set(event.pointerId, this.spot(event));
    view.classList.add("dragged");
    try {
      view.setPointerCapture(event.pointerId);
    } catch {
      // The pointer has left already.
    }
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = this.spot(event);
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = ([x, y]) => Math.max(Math.hypot(x - other[0], y - other[1]), 1);
      const middle = now.map((value, axis) => (value + other[axis]) / 2);
      this.view.zoom(this.view.scale * (apart(now) / apart(before)), ...middle);
      this.view.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    } else {
      this.view.move(now[0] - before[0], now[1] - before[1]);
    }
    this.fingers.set(event.pointerId, now);
    this.show();
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) this.find(".view").classList.remove("dragged");
  }

  zoom(scale, ...spot) {
    if (this.picture.problem) return;
    this.view.zoom(scale, ...spot);
    this.show();
    this.announce(`Zoom ${this.percent}`);
  }

  fit() {
    this.view.fit();
    this.show();
    this.announce("Fitted");
  }

  pan(right, down) {
    this.view.move(right, down);
    this.show();
  }

  get percent() {
    return `${Math.round(100 * this.view.scale * devicePixelRatio)} %`;
  }

  step(by) {
    const index = Math.min(Math.max(this.state.index + by, 0), this.pictures.length - 1);
    if (index !== this.state.index) this.go(index);
  }

  alter(change) {
    const had = this.find(".reset").matches(":focus");
    Object.assign(this.state, change);
    if (had) this.find(".view").focus({ preventScroll: true }); // the button is about to go
    this.keep();
    this.show();
    this.announce(alterations(this.state) || "Shown as it was received");
  }

  keep() {
    keptStages.set(this.data.key, { ...this.state });
  }

  // Show a picture, fitted.
  async go(index) {
    const other = index !== this.state.index || !this.begun;
    this.begun = true;
    this.state.index = index;
    this.keep();
    const { picture } = this;
    this.describe();
    if (picture.problem) {
      this.show();
      return;
    }
    if (other) this.view.fitted = true;
    this.resize();
    if (!this.loaded.best(picture)) await this.load("fitted");
    const next = this.pictures[index + 1];
    if (next && !next.problem) this.loaded.load(next, "fitted").catch(() => {}); // asked for again
  }

  async load(size) {
    const { picture } = this;
    if (size === "fitted") this.say("Loading", false);
    try {
      await this.loaded.load(picture, size);
    } catch {
      if (picture.fitted === this.picture.fitted && !this.picture.problem && size === "fitted") {
        this.say(`${this.name(picture)} could not be loaded.`, true);
      }
      return;
    }
    if (picture.fitted === this.picture.fitted) this.resize();
  }

  describe() {
    const { picture } = this;
    const name = this.name(picture);
    this.root.querySelectorAll(".strip button").forEach((button, at) => {
      if (at === picture.index) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (at === picture.index && !this.find(".strip").hidden) {
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    });
    const count = this.pictures.length;
    this.find(".count").textContent = count > 1 ? `${picture.index + 1} of ${count}` : "";
    this.find(".view").setAttribute("aria-label", `${name}. Press ? for the keys.`);
    const size = !picture.width ? "" : `, ${picture.width} by ${picture.height} pixels`;
    this.find("canvas").setAttribute("aria-label", `${name} of this case${size}`);
    const notes = this.find(".notes");
    notes.textContent = (picture.notes ?? []).join(" ");
    notes.hidden = !notes.textContent;
    this.announce(picture.problem ? `${name} cannot be shown. ${picture.problem}` : name);
  }

  say(text, again) {
    const message = this.find(".message");
    message.hidden = !text;
    message.firstElementChild.textContent = text;
    this.find(".again").hidden = !again;
  }

  announce(text) {
    clearTimeout(this.announcement);
    this.announcement = setTimeout(() => { this.find(".announced").textContent = text; }, 250);
  }

  resize() {
    const { clientWidth, clientHeight } = this.find(".view");
    const { picture } = this;
    const image = this.loaded.best(picture);
    const across = picture.width ?? image?.naturalWidth;
    const down = picture.height ?? image?.naturalHeight;
    if (!picture.problem && across) this.view.size(across, down, clientWidth, clientHeight);
    this.show();
  }

  // Draw before the next frame.
  show() {
    if (this.wanted) return;
    this.wanted = requestAnimationFrame(() => {
      this.wanted = 0;
      this.draw();
    });
  }

  draw() {
    const { picture, view, state } = this;
    const image = picture.problem ? null : this.loaded.best(picture);
    showTones(this.find, state);
    if (!image) this.find(".badge").hidden = true;
    this.find(".balance").setAttribute("aria-pressed", state.balanced);
    for (const each of this.root.querySelectorAll(".tools .group button")) each.disabled = !image;
    this.find(".zoom").hidden = !image;
    this.find(".zoom").textContent = this.percent;
    const surface = this.find(".view");
    surface.classList.toggle("zoomed", !view.fitted);
    Object.assign(surface.dataset, { scale: view.scale, x: view.x, y: view.y });
    if (picture.problem) this.say(`${this.name(picture)} cannot be shown. ${picture.problem}`, false);
    else if (image) this.say("", false);
    this.drawPicture(image);
    this.drawBar(image);
    if (image && this.needsNative(image)) this.load("native");
  }

  needsNative(image) {
    const { picture, view } = this;
    if (!picture.width) return false;
    const sharp = view.scale * devicePixelRatio * picture.width <= image.naturalWidth * 1.05;
    return !sharp && image.naturalWidth < picture.width && !this.loaded.native.has(picture.fitted);
  }

  drawPicture(image) {
    const canvas = this.find("canvas");
    const { context, width, height } = prepare(canvas);
    context.clearRect(0, 0, width, height);
    if (!image) return;
    const { view } = this;
    context.imageSmoothingEnabled = view.scale * devicePixelRatio < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, ...view.box);
    this.find(".view").dataset.native = image.naturalWidth === this.picture.width;
    if (!alterations(this.state)) return;
    const { brightness, contrast, balanced } = this.state;
    const factors = balanced ? this.greyFactors() : [1, 1, 1];
    const tables = factors.map((factor) => toneTable(brightness, contrast, factor));
    const [left, top, across, down] = view.box.map((value) => value * devicePixelRatio);
    const right = Math.min(Math.ceil(left + across), canvas.width);
    const bottom = Math.min(Math.ceil(top + down), canvas.height);
    const begin = [Math.max(Math.floor(left), 0), Math.max(Math.floor(top), 0)];
    const part = context.getImageData(...begin, right - begin[0], bottom - begin[1]);
    applyTables(part.data, tables);
    context.putImageData(part, ...begin);
  }

  // Of the whole picture, whatever part of it is in view.
  greyFactors() {
    const { fitted } = this.picture;
    if (!this.factors.has(fitted)) {
      const image = this.loaded.fitted.get(fitted) ?? this.loaded.best(this.picture);
      const sheet = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = sheet.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, sheet.width, sheet.height);
      this.factors.set(fitted, greyFactors(data));
    }
    return this.factors.get(fitted);
  }

  drawBar(image) {
    const bar = this.find(".bar");
    const { mm_per_pixel: spacing } = this.picture;
    bar.hidden = !image || !spacing;
    if (bar.hidden) return;
    const { text, wide } = scaleBar(spacing, this.view.scale, 130);
    bar.firstElementChild.textContent = text;
    bar.lastElementChild.style.width = `${wide}px`;
  }
}

const openStages = new WeakMap();

export default function ({ data, parentElement }) {
  const former = openStages.get(parentElement);
  const surface = parentElement.querySelector(".stage");
  if (former && former.text === JSON.stringify(data) && former.surface === surface) {
    former.place();
    return former.leave;
  }
  former?.close();
  const fresh = surface.cloneNode(true); // the markup anew, without the listeners of a former stage
  surface.replaceWith(fresh);
  const stage = new PhotoStage(fresh.parentNode, data);
  stage.text = JSON.stringify(data);
  stage.surface = fresh;
  stage.leave = () => stage.close();
  openStages.set(parentElement, stage);
  stage.open();
  return stage.leave;
}
