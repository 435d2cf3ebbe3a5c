// Answers of which one, or any number, is chosen: large buttons that the arrow keys reach.

let idCount = 0;

function newId(name) {
  idCount += 1;
  return `panel-${name}-${idCount}`;
}

function keyHint(text) {
  return make("kbd", { "aria-hidden": "true" }, text);
}

// A question: its title, a line of help, and what answers it. `error` marks it as missing.
class Field {
  constructor(name, title, help = "") {
    this.titleId = newId("title");
    this.helpId = newId("help");
    this.title = make("div", { class: "title", id: this.titleId }, title);
    this.help = make("div", { class: "help", id: this.helpId }, help);
    this.help.hidden = !help;
    this.node = make("div", { class: "field", "data-field": name }, this.title, this.help);
  }

  say(help) {
    this.help.textContent = help;
    this.help.hidden = !help;
  }

  set hidden(value) {
    this.node.hidden = value;
  }

  get hidden() {
    return this.node.hidden;
  }

  mark(isMissing) {
    this.node.classList.toggle("missing", isMissing);
    const part = this.node.querySelector("[role=radiogroup], [role=combobox], textarea, input");
    if (isMissing) part?.setAttribute("aria-invalid", "true");
    else part?.removeAttribute("aria-invalid");
  }
}

class Segments extends Field {
  // options: [{value, name, key?, tone?, note?}]
  constructor(name, title, options, change, help = "") {
    super(name, title, help);
    this.options = options;
    this.change = change;
    this.value = null;
    this.group = make("div", {
      class: "segments", role: "radiogroup",
      "aria-labelledby": this.titleId, "aria-describedby": this.helpId,
    });
    this.node.append(this.group);
    this.group.addEventListener("keydown", (event) => this.move(event));
    this.draw();
  }

  draw() {
    this.buttons = this.options.map((option) => {
      const parts = [make("span", {}, option.name)];
      if (option.note) parts.push(make("small", {}, option.note));
      if (option.key) parts.push(keyHint(option.key));
      const button = make("button", { type: "button", role: "radio", class: "segment" }, ...parts);
      if (option.tone) button.dataset.tone = option.tone;
      if (option.key) button.setAttribute("aria-keyshortcuts", option.key);
      button.addEventListener("click", () => this.choose(option.value));
      return button;
    });
    this.group.replaceChildren(...this.buttons);
    this.set(this.value);
  }

  set(value) {
    this.value = value;
    const chosen = this.options.findIndex((option) => option.value === value);
    this.buttons.forEach((button, at) => {
      button.setAttribute("aria-checked", String(at === chosen));
      button.tabIndex = at === Math.max(chosen, 0) ? 0 : -1;
    });
  }

  choose(value) {
    this.set(value);
    this.mark(false);
    this.change(value);
  }

  move(event) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const at = this.buttons.indexOf(event.target.closest("button"));
    const next = (at + step + this.buttons.length) % this.buttons.length;
    this.choose(this.options[next].value);
    this.buttons[next].focus();
  }

  focus() {
    this.buttons.find((button) => button.tabIndex === 0)?.focus();
  }
}

// Any number of words that are joined into a text, such as what is wrong with the images.
class Checklist extends Field {
  constructor(name, title, words, change) {
    super(name, title);
    this.chosen = new Set();
    const group = make("div", { class: "chips", role: "group", "aria-labelledby": this.titleId });
    this.buttons = words.map((word) => {
      const button = make("button", { type: "button", class: "chip", "aria-pressed": "false" }, word);
      button.addEventListener("click", () => {
        if (!this.chosen.delete(word)) this.chosen.add(word);
        this.draw();
        this.mark(false);
        change();
      });
      return button;
    });
    group.append(...this.buttons);
    this.node.append(group);
  }

  draw() {
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(this.chosen.has(button.textContent)));
    }
  }

  focus() {
    this.buttons[0]?.focus();
  }
}

// A text that says how much of it is left; a longer one stays, and is refused when it is sent.
class TextField extends Field {
  constructor(name, title, most, change, { lines = 1, help = "" } = {}) {
    super(name, title, help);
    this.most = most;
    this.area = make("textarea", {
      rows: String(lines), spellcheck: "true", "aria-labelledby": this.titleId,
      "aria-describedby": this.helpId,
    });
    this.left = make("div", { class: "left", "aria-live": "polite" });
    this.area.addEventListener("input", () => {
      this.mark(false);
      this.grow();
      change(this.area.value);
    });
    this.node.append(this.area, this.left);
    this.grow();
  }

  get value() {
    return this.area.value;
  }

  set(value) {
    if (this.area.value !== value) this.area.value = value;
    this.grow();
  }

  get isTooLong() {
    return textLength(this.area.value.trim()) > this.most;
  }

  grow() {
    const length = textLength(this.area.value);
    const left = this.most - length;
    this.left.textContent = left < 0
      ? `${length.toLocaleString("en")} characters: ${(-left).toLocaleString("en")} too many`
      : length > 0 ? `${left.toLocaleString("en")} characters left` : "";
    this.left.classList.toggle("over", left < 0);
    this.area.style.height = "auto";
    if (this.area.scrollHeight) {
      this.area.style.height = `${Math.min(this.area.scrollHeight + 2, 240)}px`;
    }
  }

  focus() {
    this.area.focus();
  }
}

// Code points, as the server counts them.
function textLength(text) {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00 && at + 1 < text.length) {
      length -= 1;
      at += 1;
    }
  }
  return length;
}
