// What a reader can do besides deciding, each in a dialog: leave a case, add to a signed one.

class Aside {
  // fields: objects of segments.js; body() is what the step sends, or {refused}.
  constructor({ title, text, fields, action, submit }) {
    this.fields = fields;
    this.submitStep = submit;
    const titleId = newId("dialog");
    this.alert = make("p", { class: "refusal", role: "alert" });
    this.button = make("button", { type: "button", class: "main" }, action, keyHint("Ctrl S"));
    this.button.addEventListener("click", () => this.submit());
    const cancel = make("button", { type: "button", class: "plain" }, "Back to the case");
    cancel.addEventListener("click", () => this.node.close());
    this.node = make("dialog", { class: "aside", "aria-labelledby": titleId },
      make("h2", { id: titleId }, title), ...(text ? [make("p", { class: "small" }, text)] : []),
      ...fields.map((field) => field.node), this.alert,
      make("div", { class: "buttons" }, cancel, this.button));
    this.busy = false;
  }

  open(root) {
    root.append(this.node);
    this.node.addEventListener("close", () => this.node.remove());
    this.node.showModal();
    this.fields[0]?.focus();
  }

  async submit() {
    if (this.busy) return;
    this.busy = true;
    this.button.setAttribute("aria-disabled", "true");
    this.alert.textContent = "";
    const refused = await this.submitStep();
    this.busy = false;
    this.button.removeAttribute("aria-disabled");
    if (!refused) {
      this.node.close();
      return;
    }
    this.alert.textContent = `${refused.message} ${refused.hint}`.trim();
    const field = this.fields.find((one) => one.node.dataset.field === refused.field);
    field?.mark(true);
    field?.focus();
  }
}

function cannotGrade(content, wrong, send) {
  const { asides, limits } = content;
  const list = new Checklist("reason", "What is wrong with the images?", asides.wrong, () => {});
  list.chosen = new Set(wrong);
  list.draw();
  const more = new TextField("more", "Anything else (optional)", limits.text, () => {});
  const action = new Segments("next_action", "What is to be done?",
    asides.next_actions.map((name) => ({ value: name, name })), () => {});
  action.set(asides.next_actions[0]);
  action.group.classList.add("tall");
  return new Aside({
    title: "These images cannot be graded",
    text: "The case leaves the worklist until other images are supplied, or it is opened again.",
    fields: [list, more, action],
    action: "Report as not gradable",
    submit: () => send("cannot-grade", {
      reason: [...list.chosen, more.value.trim()].filter(Boolean).join("; "),
      next_action: action.value ?? "",
    }),
  });
}

function leaveCase(content, send) {
  const { limits, asides } = content;
  const reason = new TextField("reason", "Why", limits.text, () => {});
  const to = new Field("to", "Name of the reader");
  const name = make("input", { type: "text", "aria-labelledby": to.titleId, autocomplete: "off" });
  to.node.append(name);
  to.focus = () => name.focus();
  const kinds = [
    { value: "skip", name: "Skip", note: "it stays on the worklist for others" },
    { value: "hand-over", name: "Hand over", note: "to another reader, by name" },
  ];
  const draw = () => {
    reason.hidden = kind.value !== "skip";
    to.hidden = kind.value !== "hand-over";
  };
  const kind = new Segments("kind", "How", kinds, draw);
  kind.group.classList.add("tall");
  kind.set("skip");
  const reasons = make("div", { class: "chips", role: "group", "aria-label": "Common reasons" });
  for (const text of asides.skip_reasons) {
    const chip = make("button", { type: "button", class: "chip" }, text);
    chip.addEventListener("click", () => {
      reason.set(text);
      reason.mark(false);
    });
    reasons.append(chip);
  }
  reason.node.insertBefore(reasons, reason.area);
  draw();
  return new Aside({
    title: "Leave this case without a decision",
    fields: [kind, reason, to],
    action: "Leave the case",
    submit: () => kind.value === "skip"
      ? send("skip", { reason: reason.value })
      : send("hand-over", { to: name.value }),
  });
}

function addAddendum(content, send) {
  const text = new TextField("text", "Addendum", content.limits.text, () => {}, { lines: 4 });
  return new Aside({
    title: "Add an addendum",
    text: "What is signed stays as it is. The case has to be signed again afterwards.",
    fields: [text],
    action: "Store the addendum",
    submit: () => send("addendum", { text: text.value }),
  });
}
