// Another scan of the patient beside the one of the case; its B-scans are fetched one by one.

class FetchedPictures {
  constructor(addresses, reach = 3) {
    Object.assign(this, { addresses, reach });
    this.ready = new Map();
    this.coming = new Map();
  }

  at(index) {
    return this.ready.get(index);
  }

  load(index) {
    if (this.ready.has(index)) return Promise.resolve(this.ready.get(index));
    if (!this.coming.has(index)) {
      const image = new Image();
      image.src = this.addresses[index];
      const loaded = image.decode().then(() => {
        this.ready.set(index, image);
        return image;
      });
      this.coming.set(index, loaded.finally(() => this.coming.delete(index)));
    }
    return this.coming.get(index);
  }

  around(index) {
    for (let step = 1; step <= this.reach; step += 1) {
      for (const other of [index + step, index - step]) {
        // One that fails is asked for again when it is stepped to.
        if (other >= 0 && other < this.addresses.length) this.load(other).catch(() => {});
      }
    }
    for (const other of this.ready.keys()) {
      if (Math.abs(other - index) > 4 * this.reach) this.ready.delete(other);
    }
  }
}

class Comparison {
  constructor(viewer) {
    Object.assign(this, { viewer, find: viewer.find, linked: true, index: 0, facts: null });
    const choice = this.find(".compare select");
    const none = make("option", { value: "" }, "Nothing");
    const named = viewer.header.others.map(({ label }, at) => make("option", { value: at }, label));
    choice.replaceChildren(none, ...named);
    this.find(".compare").hidden = named.length === 0;
    choice.addEventListener("change", () => this.choose(choice.value));
    this.find(".linked input").addEventListener("change", ({ target }) => {
      this.linked = target.checked;
      if (this.linked) this.step();
    });
    const pane = this.find(".other-pane");
    pane.addEventListener("keydown", (event) => this.key(event));
    pane.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.find(".other-previous").addEventListener("click", () => this.by(-1));
    this.find(".other-next").addEventListener("click", () => this.by(1));
    this.find(".other-again").addEventListener("click", () => this.choose(choice.value));
  }

  get shown() {
    return Boolean(this.facts);
  }

  async choose(value) {
    this.chosen = value;
    this.facts = null;
    this.find(".other").hidden = value === "";
    this.find(".viewer").classList.toggle("comparing", value !== "");
    this.viewer.shape();
    if (value === "") {
      this.viewer.draw();
      return;
    }
    const other = this.viewer.header.others[value];
    this.find(".other-title").textContent = `${other.label} · `;
    this.say("Loading");
    let facts;
    try {
      const answer = await fetch(other.facts);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      facts = await answer.json();
    } catch {
      if (this.chosen === value) this.say("This scan could not be loaded.", true);
      return;
    }
    if (this.chosen !== value) return;
    if (facts.problem) {
      this.say(`This scan cannot be shown. ${facts.problem}`);
      return;
    }
    this.say("");
    this.facts = facts;
    this.pictures = new FetchedPictures(facts.frames);
    this.find(".other-pane").setAttribute("aria-valuemax", facts.frames.length);
    this.find(".other-notes").textContent = [`In the file: ${facts.eye}`, ...facts.notes].join(". ");
    this.viewer.shape();
    this.step();
  }

  say(text, again = false) {
    const message = this.find(".other-message");
    message.hidden = !text;
    message.firstElementChild.textContent = text;
    this.find(".other-again").hidden = !again;
  }

  // Follow the B-scan of the case: at the same place from top to bottom of the scan.
  step() {
    if (!this.facts) return;
    const { viewer, facts } = this;
    if (this.linked) {
      const share = viewer.count > 1 ? viewer.state.index / (viewer.count - 1) : 0.5;
      const same = facts.upwards === viewer.header.enface.upwards;
      this.index = Math.round((same ? share : 1 - share) * (facts.frames.length - 1));
    }
    this.show();
  }

  by(steps) {
    if (!this.facts) return;
    if (this.linked) {
      const same = this.facts.upwards === this.viewer.header.enface.upwards;
      this.viewer.go(this.viewer.state.index + (same ? steps : -steps));
      return;
    }
    this.index = Math.min(Math.max(this.index + steps, 0), this.facts.frames.length - 1);
    this.show();
  }

  key(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.facts?.frames.length ?? 0;
    const steps = {
      ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1,
      PageDown: 10, PageUp: -10, Home: -count, End: count,
    }[key];
    if (!steps) return;
    this.by(steps);
    event.preventDefault();
    event.stopPropagation();
  }

  wheel(event) {
    if (event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.travel = (this.travel ?? 0) + (event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL);
    const steps = Math.trunc(this.travel / WHEEL);
    this.travel -= steps * WHEEL;
    if (steps) this.by(Math.sign(steps));
  }

  async show() {
    const { facts, index } = this;
    const count = facts.frames.length;
    const name = `B-scan ${index + 1} of ${count}`;
    this.find(".other-place").textContent = name;
    const pane = this.find(".other-pane");
    pane.setAttribute("aria-valuenow", index + 1);
    pane.setAttribute("aria-valuetext", name);
    this.find(".other-bscan").setAttribute("aria-label", `${name} of the other scan`);
    if (!this.pictures.at(index)) {
      try {
        await this.pictures.load(index);
      } catch {
        if (facts === this.facts) this.say("This B-scan could not be loaded.", true);
        return;
      }
    }
    if (facts !== this.facts || index !== this.index) return;
    this.say("");
    this.draw();
    this.pictures.around(index);
  }

  draw() {
    const picture = this.facts && this.pictures.at(this.index);
    if (!picture) return;
    const { textContent, hidden } = this.find(".badge");
    Object.assign(this.find(".other-badge"), { textContent, hidden });
    drawScan(this.find(".other-bscan"), picture, null, null, null, undefined, this.viewer.tables());
  }

  // Height to width in tissue; null without a scale.
  get proportion() {
    const { spacing, height, width } = this.facts ?? {};
    return spacing ? (height * spacing[0]) / (width * spacing[1]) : null;
  }
}
