// Captions, alternative texts, and what a screen reader announces.

const POINTER = "Point at the B-scan to read its tissue.";

class Captions {
  updateCaptions() {
    const { state, reading, header, count } = this;
    const name = `B-scan ${state.index + 1} of ${count}`;
    const pane = this.find(".pane");
    pane.setAttribute("aria-valuenow", state.index + 1);
    pane.setAttribute("aria-valuetext", name);
    this.find(".position").textContent = name;
    this.find(".place").textContent = name;
    const quality = header.signal[state.index].toFixed(2);
    const weak = header.weak[state.index] ? ", weak" : "";
    this.find(".signal-text").textContent =
      `Signal of each B-scan; here ${quality}${weak}.` +
      (reading ? " Marks above: how much the instances disagree." : "");
    this.find(".signal").setAttribute("aria-label", `Signal of ${name}: ${quality}${weak}`);
    let seen = "";
    if (reading) seen = this.readingCaption(reading);
    this.find(".bscan").setAttribute("aria-label", `${name}. ${seen}`);
    this.updatePlaneCaptions();
    this.tell(`${name}${weak && ", weak signal"}. ${seen}`.trim());
  }

  // Let a screen reader say something once nothing else is said any more.
  tell(text) {
    clearTimeout(this.announcement);
    this.announcement = setTimeout(() => {
      this.find("[aria-live]").textContent = text;
    }, 350);
  }

  readingCaption(reading) {
    const { state } = this;
    const which = state.shown ? state.which : 0;
    const shares = reading.shares[which][state.index];
    showLegend(this.find(".legend"), reading.tissues, reading.background, shares);
    this.root.querySelectorAll(".maps input").forEach((box, at) => {
      box.checked = state.shown ? at === state.which : at === reading.instances + 1;
    });
    this.find(".opacity").value = Math.round(100 * state.opacity);
    this.find(".opacity").setAttribute("aria-valuetext", `${Math.round(100 * state.opacity)} %`);
    this.find(".differ").checked = state.differ;
    if (!this.find(".pointer").textContent) this.resetPointer();
    const found = reading.tissues
      .map(({ name }, at) => [name, shares[at], at])
      .filter(([, share, at]) => share > 0 && at !== reading.background)
      .map(([name]) => name);
    const map = state.which ? `Map of instance ${state.which}` : "Mean map";
    const differ = percent(100 * reading.differing[state.index]);
    const what = `${state.shown ? map : "Map off"}: ${found.join(", ")}.`;
    return `${what} Instances disagree on ${differ}.`;
  }

  updatePlaneCaptions() {
    const { enface, localizer, thickness } = this.planes;
    const { index, column } = this.state;
    const setCaption = ({ canvas, caption }, text, more = "") => {
      caption.textContent = text;
      canvas.setAttribute("aria-label", `${text} ${more}`);
    };
    const order = this.header.enface.upwards ? "B-scan 1 below" : "B-scan 1 on top";
    const scale = enface.plane.aspect ? "" : ", not to scale";
    setCaption(enface, `En-face, ${order}, brightness evened${scale}`);
    if (localizer) {
      setCaption(localizer, localizer.plane.lines ? "Localizer with the B-scans" : "Localizer");
    }
    if (thickness) {
      const { columns } = thickness.plane;
      const at = index * columns + Math.min(Math.floor(column * columns), columns - 1);
      const [value, spread] = [this.thickness.values[at], this.thickness.spreads[at]];
      const here = value === 65535 ? "not measured here" : `here ${value} µm, spread ${spread}`;
      const { grid } = this.reading;
      setCaption(thickness, `Retinal thickness: ${here}`, grid ? grid.text : "");
    }
  }

  resetPointer() {
    this.find(".pointer").textContent = this.reading ? POINTER : "";
  }

  // The tissue under the pointer, by the mean and by each instance.
  point(event) {
    const { reading, state } = this;
    const map = this.maps && this.maps.at(state.index);
    if (!map) return;
    const box = event.target.getBoundingClientRect();
    const rows = map.height / (reading.instances + 1);
    const x = Math.floor(((event.clientX - box.left) / box.width) * map.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * rows);
    this.probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const names = Array.from({ length: reading.instances + 1 }, (_, n) => {
      this.probe.clearRect(0, 0, 1, 1);
      this.probe.drawImage(map, x, n * rows + y, 1, 1, 0, 0, 1, 1);
      const [r, g, b, a] = this.probe.getImageData(0, 0, 1, 1).data;
      const hex = `#${[r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
      return reading.tissues.findIndex(({ colour }, at) =>
        (a === 0 ? at === reading.background : colour === hex));
    });
    const name = (at) => (at < 0 ? "unknown" : reading.tissues[at].name);
    const same = names.slice(1).filter((at) => at === names[0]).length;
    this.find(".pointer").textContent =
      `${name(names[0])} · ${same} of ${reading.instances} instances agree`;
  }
}
