// The panel beside the images of a case: it holds every answer until the server has stored it, so
// that drawing the page anew, a lost server or a second click loses and doubles nothing.

const REDRAW_MS = 4000;
const ACTIVITY_MS = 20000;
const WIDE = "(min-width: 56.25em) and (min-height: 28.75em)";
const MAIN = {
  first_read: "Lock my first read",
  decide: "Store my decision",
  second_read: "Store my second read",
  adjudication: "Store my answer",
};
const STEP = {
  first_read: "first-read",
  decide: "decision",
  second_read: "second-read",
  adjudication: "adjudication",
};

// Whether the reader goes on to another case, whose panel then takes the focus.
let goesOn = false;

class Panel {
  constructor(root, surface, send) {
    this.root = root;
    this.surface = surface;
    this.send = send;
    this.busy = false;
    this.activity = 0;
    this.listeners = new AbortController();
  }

  open(content) {
    this.content = content;
    this.drafts = new DraftSaver(content, (text) => this.say(text));
    const { signal } = this.listeners;
    window.addEventListener("keydown", (event) => this.commandKey(event), { capture: true, signal });
    window.addEventListener("keydown", (event) => this.plainKey(event), { signal });
    window.addEventListener("beforeunload", (event) => {
      if (this.drafts.isUnsaved) event.preventDefault();
    }, { signal });
    // Somebody else signed in in this browser: the answers here are not theirs to keep or to see.
    window.addEventListener("triage:other-account", () => this.drafts.discard(), { signal });
    window.addEventListener("resize", () => this.place(), { signal });
    for (const kind of ["pointerdown", "keydown", "wheel"]) {
      window.addEventListener(kind, () => this.noteActivity(), { capture: true, passive: true, signal });
    }
    this.build(answersFrom(content.draft));
    if (content.draft) this.say("Draft restored");
    // The page before may still be leaving the window.
    setTimeout(() => {
      const { activeElement } = document;
      const isFree = !activeElement || activeElement === document.body;
      if (matchMedia(WIDE).matches && (isFree || goesOn)) this.focusBegin();
      goesOn = false;
    }, 50);
  }

  // The page was drawn anew: what is typed stays, unless another step is reached.
  update(content) {
    requestAnimationFrame(() => this.place());
    const former = this.content;
    this.content = content;
    clearTimeout(this.redraw);
    const same = ["form", "stage", "opinion", "choices", "rounds", "next", "similar"]
      .every((name) => JSON.stringify(former[name]) === JSON.stringify(content[name]));
    if (!this.isSending) this.working(false);
    if (same) {
      if (this.form) this.form.content = content;
      return;
    }
    const moved = former.form !== content.form || former.stage !== content.stage;
    this.build(moved || !this.form ? answersFrom(content.draft) : this.form.answers);
    if (moved) {
      this.say(content.draft ? "Draft restored" : "");
      this.focusBegin();
    }
  }

  close() {
    this.listeners.abort();
    clearTimeout(this.redraw);
    this.drafts.close();
    this.surface.querySelector("dialog")?.close();
  }

  // Drawing

  build(answers) {
    const { content } = this;
    this.form = null;
    const body = make("div", { class: "body" });
    if (content.notice) body.append(make("p", { class: "notice" }, content.notice));
    if (content.rounds) body.append(...drawRounds(content.rounds));
    if (content.opinion) {
      this.opinion = drawOpinion(content.opinion);
      body.append(this.opinion);
    }
    if (content.first && content.stage === "decide") {
      body.append(make("p", { class: "first" }, make("span", {}, "Your first read "), content.first.text));
    }
    if (content.form_note) body.append(make("p", { class: "small" }, content.form_note));
    if (MAIN[content.stage]) {
      this.form = new ReadForm(content, answers, () => this.changed(),
        (given) => this.openAside(cannotGrade(this.content, given.follow_up.wrong, this.aside())));
      body.append(this.form.node);
    } else {
      body.append(...this.nextParts());
    }
    this.surface.replaceChildren(drawSteps(content), body, this.footer());
    this.place();
  }

  // Beside the images the panel ends at the lower edge of the window, wherever it begins.
  place() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const top = this.surface.getBoundingClientRect().top + scrolled;
    this.surface.style.setProperty("--top", `${Math.max(Math.round(top), 0)}px`);
  }

  nextParts() {
    const { next } = this.content;
    const parts = [];
    if (next.decided) {
      const line = make("p", { class: "decided" }, make("span", { "aria-hidden": "true" }, "✓"),
        make("span", {}, `${next.decided.title} `, make("strong", {}, next.decided.text)));
      parts.push(line);
      for (const text of next.decided.more) parts.push(make("p", { class: "line" }, text));
    }
    for (const text of next.notes) parts.push(make("p", { class: "note" }, text));
    const buttons = make("div", { class: "buttons" });
    if (next.can_undo) buttons.append(this.button("Undo my decision", () => this.undo()));
    if (next.can_amend) {
      buttons.append(this.button("Add an addendum…", () => this.openAside(
        addAddendum(this.content, (step, body) => this.sendStep(step, body)))));
    }
    if (buttons.childElementCount) parts.push(buttons);
    if (next.similar?.title) parts.push(drawSimilar(next.similar));
    return parts;
  }

  button(text, press, kind = "plain") {
    const button = make("button", { type: "button", class: kind }, text);
    button.addEventListener("click", press);
    return button;
  }

  footer() {
    const { content } = this;
    this.alert = make("p", { class: "refusal", role: "alert" });
    this.state = make("p", { class: "state", role: "status" });
    const side = make("div", { class: "side" });
    if (content.asides && this.form) {
      side.append(
        this.button("Cannot grade…", () => this.openAside(cannotGrade(this.content, [], this.aside()))),
        this.button("Leave…", () => this.openAside(leaveCase(this.content, this.aside()))),
      );
    } else if (!this.form) {
      side.append(this.button("To the worklist", () => this.go("worklist")));
    }
    const text = MAIN[content.stage] ?? content.next.main;
    this.main = make("button", { type: "button", class: "main", "aria-keyshortcuts": "Control+S" },
      make("span", {}, text), keyHint("Ctrl S"));
    // The second click of a double click was meant for the button that was here before.
    this.main.addEventListener("click", (event) => {
      if (this.form || event.detail < 2) this.act();
    });
    return make("footer", {}, this.alert, this.state,
      make("div", { class: "row" }, side, this.main));
  }

  focusBegin() {
    this.focusFirst();
    // Below the images the next step begins at its top, whatever the reader had scrolled to.
    if (!matchMedia(WIDE).matches) this.surface.scrollIntoView({ block: "start" });
  }

  focusFirst() {
    const { stage } = this.content;
    if (stage === "decide") {
      this.opinion?.querySelector("h2").focus({ preventScroll: true });
      this.surface.querySelector(".body").scrollTop = 0;
    } else if (stage === "adjudication") {
      this.form.rubric?.focus();
    } else if (this.form) {
      this.form.conditions.focus();
    } else {
      this.main.focus();
    }
  }

  say(text) {
    if (this.state) this.state.textContent = text;
  }

  working(isBusy, text = "") {
    this.busy = isBusy;
    this.main?.setAttribute("aria-disabled", String(isBusy));
    this.surface.setAttribute("aria-busy", String(isBusy));
    if (text) this.say(text);
  }

  // Answers and drafts

  changed() {
    this.alert.replaceChildren();
    this.drafts.keep(this.content.form, this.form.answers);
  }

  // Steps

  act() {
    if (this.busy) return;
    if (this.dialogIsOpen) {
      this.dialog.submit();
    } else if (this.form) {
      this.take();
    } else {
      this.go("next");
    }
  }

  async take() {
    const { form, content } = this;
    const missing = missingAnswer(content, form.answers) ?? form.longText();
    if (missing) {
      this.refuse(missing);
      return;
    }
    const refused = await this.sendStep(STEP[content.stage], form.body(), { drop: true });
    if (refused) this.refuse(refused);
  }

  async undo() {
    if (this.busy) return;
    const refused = await this.sendStep("undo", { version: this.content.version });
    if (refused) this.refuse(refused);
  }

  aside() {
    return async (step, body) => {
      const refused = await this.sendStep(step, { version: this.content.version, ...body }, {
        drop: true, then: "aside",
      });
      return refused;
    };
  }

  openAside(dialog) {
    if (this.busy) return;
    this.dialog = dialog;
    dialog.open(this.surface);
  }

  // Returns the refusal, or nothing where the step is taken and the page is being drawn anew.
  async sendStep(step, body, { drop = false, then = "taken" } = {}) {
    if (this.busy) return { ...UNREACHABLE, message: "A step is being stored.", hint: "" };
    this.working(true, "Storing…");
    this.isSending = true;
    this.alert.replaceChildren();
    if (drop) await this.drafts.drop();
    const given = { version: this.content.version, ...body };
    const { refused } = await postStep(this.content, step, given);
    this.isSending = false;
    if (refused) {
      this.working(false);
      this.say("");
      if (this.form && drop) this.drafts.keep(this.content.form, this.form.answers);
      return refused;
    }
    this.say("Stored. Loading…");
    this.ask(then === "aside" ? { to: "left", step } : { to: "taken" });
    return null;
  }

  // Asks for the page anew, until it has come: the connection may be lost meanwhile.
  ask(wish) {
    clearTimeout(this.redraw);
    this.asked = (this.asked ?? 0) + 1;
    try {
      this.send({ ...wish, count: this.asked, at: Date.now() });
    } catch {
      // asked again below
    }
    this.redraw = setTimeout(() => {
      if (this.listeners.signal.aborted) return;
      if (this.busy) this.say("Stored. Waiting for the server…");
      this.ask(wish);
    }, REDRAW_MS);
  }

  go(to) {
    if (this.busy) return;
    this.working(true, "Loading…");
    goesOn = to === "next";
    this.ask({ to });
  }

  refuse(refused) {
    const parts = [make("span", {}, refused.message)];
    if (refused.hint) parts.push(" ", make("span", {}, refused.hint));
    if (["stale_version", "already_given", "wrong_state", "not_open", "in_work", "bundle_withdrawn"]
      .includes(refused.code)) {
      parts.push(" ", this.button("Show the case as it is now", () => {
        this.alert.replaceChildren();
        this.drafts.save();
        this.ask({ to: "taken" });
      }, "link"));
    }
    this.alert.replaceChildren(...parts);
    if (this.form && refused.field === "reason") this.form.demandReason();
    const field = this.form?.field(refused.field);
    field?.mark(true);
    field?.focus();
    field?.node.scrollIntoView({ block: "nearest" });
  }

  noteActivity() {
    const now = Date.now();
    if (now - this.activity < ACTIVITY_MS || document.querySelector(".session-ended")) return;
    this.activity = now;
    postStep(this.content, "activity", {});
  }

  // Keys

  commandKey(event) {
    if (document.querySelector(".session-ended") || event.isComposing) return;
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (command && (event.key.toLowerCase() === "s" || event.key === "Enter")) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.act();
    } else if (this.isSearchKey(event)) {
      this.form.conditions.focus(); // the letter is typed there
      event.stopPropagation();
    }
  }

  // A letter that is no shortcut begins to search for a condition.
  isSearchKey(event) {
    const target = event.composedPath()[0];
    const isHere = target === document.body || this.surface.contains(target);
    return isHere && /^\p{L}$/u.test(event.key) && !isTyped(event)
      && !event.ctrlKey && !event.metaKey && !event.altKey
      && Boolean(this.form) && !this.form.path && !this.busy && !this.dialogIsOpen;
  }

  get dialogIsOpen() {
    return this.surface.querySelector("dialog[open]") !== null;
  }

  plainKey(event) {
    const { form } = this;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!form || event.isComposing || this.busy || isTyped(event)) return;
    if (document.querySelector(".session-ended") || this.dialogIsOpen) return;
    const key = event.key.toLowerCase();
    const path = { k: "keep", a: "ai", o: "other" }[key];
    const take = (field, at) => {
      const option = field.options[at];
      if (!option || field.hidden || form.read.hidden) return false;
      field.choose(option.value);
      return true;
    };
    let done = false;
    if (key === "/") {
      done = !form.read.hidden;
      if (done) form.conditions.focus();
    } else if (/^[1-4]$/.test(key)) {
      done = take(form.urgency, Number(key) - 1);
    } else if (/^[5-8]$/.test(key)) {
      done = take(form.certainty, Number(key) - 5);
    } else if (path && form.path?.options.some((one) => one.value === path)) {
      form.path.choose(path);
      done = true;
    }
    if (done) event.preventDefault();
  }
}

function isTyped(event) {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement
    && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

const openPanels = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const surface = parentElement.querySelector(".panel");
  let panel = openPanels.get(parentElement);
  const isSame = panel?.content.case === data.case && panel.content.account === data.account;
  if (isSame && panel.surface === surface) {
    panel.send = (wish) => setTriggerValue("wish", wish);
    panel.update(data);
    return panel.leave;
  }
  panel?.close();
  panel = new Panel(parentElement, surface, (wish) => setTriggerValue("wish", wish));
  panel.leave = () => panel.close();
  openPanels.set(parentElement, panel);
  panel.open(data);
  return panel.leave;
}
