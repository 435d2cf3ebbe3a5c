// The OCT viewer: its state and the controls that change it. No step sends a request.

const STEP = "oct-step"; // a User Timing measure: from the key or wheel to the painted picture
const WHEEL = 40; // pixels of wheel travel for one B-scan
const kept = new Map(); // what a reader looked at, by case, over the page's own reruns
const keptCalipers = new Map();

class Viewer extends Measuring {
  constructor(root, header, part) {
    super();
    Object.assign(this, { root, header, part });
    const { bscans, reading } = header;
    this.count = bscans.pictures.length;
    this.scans = new Pictures(bscans.pictures, part, "image/jpeg");
    this.maps = reading && new Pictures(reading.maps, part, "image/png");
    this.masks = reading && new Pictures(reading.disagreement, part, "image/png");
    const start = { index: Math.floor(this.count / 2), column: 0.5, trueScale: false };
    const map = { which: 0, shown: true, opacity: 0.4, differ: false };
    const tones = { brightness: 0, contrast: 0 };
    this.state = { ...start, ...map, ...tones, ...kept.get(header.case) };
    this.state.which = Math.min(this.state.which, reading ? reading.instances : 0);
    this.find = (selector) => root.querySelector(selector);
    this.caliper = keptCalipers.get(header.case) ?? new Caliper(bscans);
    keptCalipers.set(header.case, this.caliper);
    this.planes = {};
    this.steps = 0;
    this.travel = 0;
  }

  async open() {
    const { header } = this;
    this.find(".eye").textContent = header.eye;
    this.find(".facts").textContent = header.facts.join(" · ");
    const warnings = header.warnings.map((text) => make("li", {}, text));
    this.find(".warnings").replaceChildren(...warnings);
    this.find(".pane").setAttribute("aria-valuemax", this.count);
    for (const name of ["enface", "localizer"]) await this.addPlane(name, header[name], "jpeg");
    if (header.reading) await this.openReading(header.reading);
    const pairs = header.keys.flatMap(([keys, what]) => [make("dt", {}, keys), make("dd", {}, what)]);
    this.find(".keys").replaceChildren(...pairs);
    this.find(".viewer").hidden = false;
    this.comparison = new Comparison(this);
    this.listen();
    this.measure(this.caliper.on);
    this.shape();
    await this.want(this.state.index);
    this.draw();
  }

  async openReading(reading) {
    this.find(".overlay").hidden = false;
    this.find(".legend").hidden = false;
    if (reading.thickness) {
      await this.addPlane("thickness", { ...this.header.enface, ...reading.thickness }, "png");
      const { colours, low, high, values, spreads } = reading.thickness;
      const ramp = this.find(".ramp");
      const [least, most] = [low, high].map((value) => make("span", {}, `${value} µm`));
      ramp.replaceChildren(least, make("i"), most);
      ramp.querySelector("i").style.background = `linear-gradient(90deg, ${colours.join(",")})`;
      const numbers = (place) => new Uint16Array(this.part(place).slice().buffer);
      this.thickness = { values: numbers(values), spreads: numbers(spreads) };
    }
    const numbers = Array.from({ length: reading.instances }, (_, n) => `${n + 1}`);
    const names = ["Mean", ...numbers, "Off"];
    this.find(".maps").replaceChildren(...names.map((name, at) => {
      const box = make("input", { type: "radio", name: "map", value: at });
      return make("label", { title: at && name !== "Off" ? `Instance ${name}` : name }, box, name);
    }));
    this.find(".reasons").hidden = false;
    showReferral(this.find(".referral"), reading.referral, reading.instances);
    showDiagnoses(this.find(".diagnoses"), reading.diagnoses);
    showMeasurements(this.find(".measurements"), reading.measurements, reading.reference);
    await this.openHypotheses(reading);
  }

  // Each instance's own map of the one B-scan on which they disagree most.
  async openHypotheses(reading) {
    const at = reading.most_differing;
    const section = this.find(".hypotheses");
    section.hidden = false;
    section.querySelector("h2").textContent =
      `B-scan ${at + 1}, where the instances disagree most ` +
      `(${percent(100 * reading.differing[at])} of its area), enlarged`;
    const [mean, ...others] = reading.shares.map((shares) => shares[at]);
    const buttons = others.map((shares, n) => {
      const words = difference(reading.tissues, reading.background, mean, shares);
      const button = make(
        "button", { type: "button", "aria-label": `Instance ${n + 1}: ${words}. Show it above.` },
        make("canvas"), make("span", {}, `Instance ${n + 1}`, make("small", {}, words)),
      );
      button.addEventListener("click", () => this.set({ index: at, which: n + 1, shown: true }));
      return button;
    });
    section.querySelector(".row").replaceChildren(...buttons);
    this.hypotheses = await Promise.all([
      decode(this.part(this.header.bscans.pictures[at]), "image/jpeg"),
      decode(this.part(reading.maps[at]), "image/png"),
      decode(this.part(reading.disagreement[at]), "image/png"),
    ]);
  }

  async addPlane(name, plane, type) {
    if (!plane) return;
    const figure = this.find(`[data-plane=${name}]`);
    const canvas = figure.querySelector("canvas");
    canvas.style.aspectRatio = 1 / (plane.aspect || 1);
    figure.hidden = false;
    const picture = await decode(this.part(plane.picture), `image/${type}`);
    this.planes[name] = { canvas, picture, plane, caption: figure.querySelector("figcaption") };
  }

  listen() {
    const on = (selector, kind, act, options) =>
      this.find(selector).addEventListener(kind, act, options);
    this.find(".viewer").addEventListener("keydown", (event) => this.key(event));
    on(".pane", "wheel", (event) => this.wheel(event), { passive: false });
    on(".previous", "click", (event) => this.go(this.state.index - 1, event));
    on(".next", "click", (event) => this.go(this.state.index + 1, event));
    listenToTones(this.find, (change) => this.alter(change));
    on(".measure", "click", ({ detail }) => this.measure(!this.caliper.on, detail === 0));
    closeMenus(this.find(".viewer"));
    on(".true-scale input", "change", ({ target }) => this.set({ trueScale: target.checked }));
    on(".opacity", "input", ({ target }) => this.set({ opacity: target.value / 100 }));
    on(".differ", "change", ({ target }) => this.set({ differ: target.checked }));
    on(".maps", "change", ({ target }) => this.choose(Number(target.value)));
    on(".pane", "pointermove", (event) => this.point(event));
    on(".pane", "pointerleave", () => { this.resetPointer(); });
    on(".pane", "pointermove", (event) => {
      if (this.caliper.on && this.caliper.follow(this.state.index, this.place(event))) this.draw();
    });
    this.drag(this.find(".pane"), ({ x, y }, { type }) => {
      if (!this.caliper.on) this.set({ column: x });
      else if (type === "pointerdown") this.press({ x, y });
    });
    this.drag(this.find(".signal"), ({ x }, event) => this.go(Math.floor(x * this.count), event));
    for (const [name, { canvas, plane }] of Object.entries(this.planes)) {
      canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      this.drag(canvas, (place, event) => {
        if (name === "localizer") this.toLine(plane.lines, place, event);
        else this.toPlace(place, event);
      });
    }
    this.sizes = new ResizeObserver(() => {
      this.shape();
      this.draw();
      this.comparison.draw();
    });
    this.sizes.observe(this.find(".viewer"));
    this.resized = () => this.shape();
    window.addEventListener("resize", this.resized);
  }

  get reading() {
    return this.header.reading;
  }

  close() {
    this.sizes?.disconnect();
    window.removeEventListener("resize", this.resized);
  }

  // Position of a pointer over the element that gets its event, as shares of its size.
  place({ clientX, clientY, currentTarget }) {
    const box = currentTarget.getBoundingClientRect();
    const within = (value) => Math.min(Math.max(value, 0), 0.99999);
    return {
      x: within((clientX - box.left) / box.width), y: within((clientY - box.top) / box.height),
    };
  }

  drag(element, act) {
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      this.find(".pane").focus({ preventScroll: true });
      event.preventDefault();
      act(this.place(event), event);
    });
    element.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) act(this.place(event), event);
    });
  }

  key(event) {
    const { key, shiftKey, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select")) return;
    const typing = target.matches("input[type=range], input[type=radio]");
    const ahead = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    const jumps = { PageDown: 10, PageUp: -10, Home: -this.count, End: this.count };
    if (this.caliper.on && !typing && this.measureKey(event)) return;
    const letters = {
      m: () => this.choose((this.state.which + 1) % (this.reading.instances + 1)),
      o: () => this.set({ shown: !this.state.shown }),
      d: () => this.set({ differ: !this.state.differ }),
      j: () => this.go(this.reading.most_differing, event),
    };
    if (ahead && !typing && shiftKey) {
      this.set({ column: Math.min(Math.max(this.state.column + ahead / 64, 0), 1) });
    } else if ((ahead || jumps[key]) && !typing) {
      this.go(this.state.index + (ahead || jumps[key]), event);
    } else if (key === "k") {
      this.measure(!this.caliper.on, true);
    } else if (key === "?") {
      this.toggleKeys();
    } else if (this.reading && letters[key]) {
      letters[key]();
    } else {
      // Letters and digits mean something else outside the viewer.
      if (key.length === 1) event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  toggleKeys() {
    const menu = this.find(".help");
    menu.open = !menu.open;
    if (menu.open) menu.querySelector("summary").focus();
  }

  alter(change) {
    if (this.find(".reset").matches(":focus")) this.find(".pane").focus({ preventScroll: true });
    this.set(change);
    this.tell(alterations({ ...this.state, balanced: false }) || "Shown as it was received");
  }

  // Tables for the brightness and contrast of all B-scans; null where nothing is altered.
  tables() {
    const { brightness, contrast } = this.state;
    if (!brightness && !contrast) return null;
    const table = toneTable(brightness, contrast);
    return [table, table, table];
  }

  wheel(event) {
    if (event.ctrlKey || event.shiftKey) return; // the browser's own zoom and sideways scroll
    event.preventDefault();
    this.travel += event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL;
    const steps = Math.trunc(this.travel / WHEEL);
    this.travel -= steps * WHEEL;
    if (steps) this.go(this.state.index + Math.sign(steps), event);
  }

  toPlace({ x, y }, event) {
    const down = this.header.enface.upwards ? 1 - y : y;
    this.state.column = x;
    this.go(Math.min(Math.floor(down * this.count), this.count - 1), event);
  }

  toLine(lines, { x, y }, event) {
    if (!lines) return;
    let best = { distance: Infinity };
    lines.forEach(([x0, y0, x1, y1], index) => {
      const long = (x1 - x0) ** 2 + (y1 - y0) ** 2 || 1;
      const along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / long;
      const column = Math.min(Math.max(along, 0), 1);
      const distance = Math.hypot(x0 + column * (x1 - x0) - x, y0 + column * (y1 - y0) - y);
      if (distance < best.distance) best = { distance, index, column };
    });
    this.state.column = best.column;
    this.go(best.index, event);
  }

  choose(which) {
    const off = which > this.reading.instances;
    this.set(off ? { shown: false } : { which, shown: true });
  }

  set(change) {
    Object.assign(this.state, change);
    if ("trueScale" in change) this.shape();
    this.go(this.state.index);
  }

  // Show a B-scan; its picture is usually decoded already, so it is painted at once.
  async go(index, event) {
    const { state } = this;
    const begun = event?.timeStamp;
    state.index = Math.min(Math.max(index, 0), this.count - 1);
    kept.set(this.header.case, { ...state });
    const wanted = state.index;
    const waits = this.want(wanted);
    if (waits) await waits;
    if (wanted !== state.index) return;
    this.draw();
    if (begun !== undefined) this.time(begun);
    this.comparison.step();
    this.ahead();
  }

  layers() {
    const { state } = this;
    return [
      this.scans,
      ...(this.maps && state.shown ? [this.maps] : []),
      ...(this.masks && state.differ ? [this.masks] : []),
    ];
  }

  want(index) {
    const missing = this.layers().filter((layer) => !layer.at(index));
    return missing.length ? Promise.all(missing.map((layer) => layer.load(index))) : null;
  }

  ahead() {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.layers().forEach((each) => each.around(this.state.index)), 0);
  }

  // The frame after the next begins when this one's picture is on the screen.
  time(begun) {
    requestAnimationFrame(() => requestAnimationFrame((end) => {
      this.steps += 1;
      if (this.steps % 1000 === 0) performance.clearMeasures(STEP);
      performance.measure(STEP, { start: begun, end: Math.max(end, begun) });
    }));
  }

  draw() {
    const { state, reading, header, count } = this;
    const scan = this.scans.at(state.index);
    if (!scan) return;
    const picture = reading && state.shown && this.maps.at(state.index);
    const map = picture && { picture, instances: reading.instances, ...state };
    const mask = reading && state.differ ? this.masks.at(state.index) : null;
    drawScan(this.find(".bscan"), scan, map, mask, state.column, undefined, this.tables());
    this.caliper.draw(this.find(".bscan"), state.index);
    showTones(this.find, { ...state, balanced: false });
    const row = (state.index + 0.5) / count;
    const place = { x: state.column, y: header.enface.upwards ? 1 - row : row };
    const { upwards, sides } = header.enface;
    for (const [name, { canvas, picture: drawn, plane }] of Object.entries(this.planes)) {
      if (name === "localizer") {
        drawLocalizer(canvas, drawn, plane.lines, state.index, state.column);
      } else {
        const grid = name === "thickness" ? reading.grid : null;
        drawPlane(canvas, drawn, { place, upwards, sides, smooth: name === "enface", grid });
      }
    }
    drawSignal(
      this.find(".signal"), header.signal, header.weak, state.index, reading && reading.differing,
    );
    if (this.hypotheses) this.drawHypotheses();
    this.updateCaptions();
  }

  drawHypotheses() {
    const [scan, picture, mask] = this.hypotheses;
    const { instances, differing_part: part } = this.reading;
    this.root.querySelectorAll(".hypotheses canvas").forEach((canvas, n) => {
      const map = { picture, instances, which: n + 1, opacity: Math.max(this.state.opacity, 0.3) };
      drawScan(canvas, scan, map, this.state.differ ? mask : null, null, part, this.tables());
    });
  }
}

const open = new WeakMap();

export default function ({ data, parentElement }) {
  const { header, part } = unpack(data);
  const former = open.get(parentElement);
  const surface = parentElement.querySelector(".viewer");
  if (former && former.header.id === header.id && former.surface === surface) return former.leave;
  const viewer = new Viewer(renewed(surface), header, part);
  viewer.surface = viewer.root.querySelector(".viewer");
  viewer.leave = () => viewer.close();
  former?.close();
  open.set(parentElement, viewer);
  viewer.open();
  return viewer.leave;
}

// The markup anew, without the listeners of a former viewer.
function renewed(surface) {
  const fresh = surface.cloneNode(true);
  surface.replaceWith(fresh);
  return fresh.parentNode;
}
