// Choosing conditions: a box that filters a list while one types, and what is chosen below it.

class Conditions extends Field {
  constructor(choices, several, change, done) {
    super("conditions", several ? "Diagnoses, the main one first" : "Condition");
    this.choices = choices;
    this.several = several;
    this.change = change;
    this.done = done;
    this.chosen = [];
    this.found = [];
    this.active = -1;
    const list = newId("list");
    this.input = make("input", {
      type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
      "aria-expanded": "false", "aria-controls": list, "aria-autocomplete": "list",
      "aria-labelledby": this.titleId, "aria-describedby": this.helpId, "aria-keyshortcuts": "/",
    });
    this.box = make("div", { class: "box" }, this.input, keyHint("/"));
    this.list = make("ul", { class: "list", role: "listbox", id: list });
    this.list.setAttribute("aria-label", this.title.textContent);
    this.chips = make("ul", { class: "chosen", "aria-label": "Chosen" });
    this.node.append(make("div", { class: "choice" }, this.chips, this.box), this.list);
    this.listen();
    this.close();
    this.set([]);
  }

  listen() {
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("click", () => this.filter());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
    // The box keeps the focus while the mouse chooses.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.choose(this.found[Number(option.dataset.at)]);
    });
  }

  nameOf(value) {
    return this.choices.find((one) => one.value === value)?.name ?? value;
  }

  set(conditions) {
    this.chosen = [...conditions];
    this.chips.replaceChildren(...this.chosen.map((value, at) => {
      const remove = make("button", { type: "button" }, "×");
      remove.setAttribute("aria-label", `Remove ${this.nameOf(value)}`);
      remove.addEventListener("click", () => {
        this.set(this.chosen.filter((one) => one !== value));
        this.change(this.chosen);
        this.input.focus();
      });
      const item = make("li", {}, make("span", {}, this.nameOf(value)));
      if (this.several && this.chosen.length > 1 && at === 0) {
        item.append(make("small", {}, "main"));
      }
      item.append(remove);
      return item;
    }));
    this.chips.hidden = !this.chosen.length;
    this.input.placeholder = !this.chosen.length ? "Type to search, or press ↓"
      : this.several ? "Add another diagnosis" : "Choose another";
  }

  // Those that begin with what is typed come first, then those with a word that does.
  filter() {
    const wanted = this.input.value.trim().toLowerCase();
    const rank = (name) => {
      const text = name.toLowerCase();
      if (text.startsWith(wanted)) return 0;
      if (text.split(/[\s/(-]+/).some((word) => word.startsWith(wanted))) return 1;
      return text.includes(wanted) ? 2 : 3;
    };
    this.found = this.choices
      .filter((one) => !this.several || !this.chosen.includes(one.value))
      .map((one) => ({ ...one, rank: wanted ? rank(one.name) : 0 }))
      .filter((one) => one.rank < 3)
      .sort((one, other) => one.rank - other.rank);
    this.active = wanted && this.found.length ? 0 : -1;
    this.drawList();
  }

  drawList() {
    const options = this.found.map((one, at) => {
      const option = make("li", { role: "option", id: newId("option"), "data-at": String(at) });
      option.textContent = one.name;
      option.setAttribute("aria-selected", String(at === this.active));
      return option;
    });
    if (!options.length) {
      const none = "Nothing fits. Choose “Other / not listed” and describe it in the comment.";
      options.push(make("li", { class: "none", role: "option", "aria-disabled": "true" }, none));
    }
    this.list.replaceChildren(...options);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.point();
  }

  point() {
    const options = [...this.list.querySelectorAll("[data-at]")];
    options.forEach((each, at) => each.setAttribute("aria-selected", String(at === this.active)));
    const option = options[this.active];
    if (option) {
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  get isOpen() {
    return !this.list.hidden;
  }

  close() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (!this.isOpen) this.filter();
      const count = this.found.length;
      if (count) this.active = (Math.max(this.active, step < 0 ? 0 : -1) + step + count) % count;
      this.point();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.isOpen && this.active >= 0) this.choose(this.found[this.active]);
      else if (this.chosen.length && !this.input.value.trim()) this.done();
      else this.filter();
    } else if (event.key === "Escape" && (this.isOpen || this.input.value)) {
      event.preventDefault();
      event.stopPropagation();
      this.input.value = "";
      this.close();
    } else if (event.key === "Backspace" && !this.input.value && this.chosen.length) {
      this.set(this.chosen.slice(0, -1));
      this.change(this.chosen);
    }
  }

  choose({ value }) {
    this.input.value = "";
    this.set(this.several ? [...this.chosen, value] : [value]);
    this.close();
    this.mark(false);
    this.change(this.chosen);
    if (!this.several) this.done();
  }

  focus() {
    this.input.focus();
  }
}
