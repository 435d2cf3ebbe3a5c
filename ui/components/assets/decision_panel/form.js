// The answers of one form: a first read, a decision, a second read or an answer in an adjudication.

class ReadForm {
  constructor(content, answers, change, reportUngradable) {
    this.content = content;
    this.answers = answers;
    this.changed = change;
    const { choices, limits } = content;
    this.conditions = new Conditions(
      choices.conditions, choices.several,
      (value) => this.edit({ conditions: value }),
      () => this.urgency.focus(),
    );
    this.urgency = new Segments("urgency", "Urgency", choices.urgencies,
      (value) => this.edit({ urgency: value }));
    this.certainty = new Segments("certainty", "How certain are you?", choices.certainties,
      (value) => this.set({ certainty: value }));
    this.read = make("div", { class: "read" },
      this.conditions.node, this.urgency.node, this.certainty.node);
    this.parts = [this.conditions, this.urgency, this.certainty];
    const nodes = [];
    if (content.rubric) {
      this.rubric = new Rubric(content.rubric, answers.rubric, () => this.draw());
      this.parts.push(this.rubric);
      nodes.push(this.rubric.node);
    }
    if (content.stage === "decide") nodes.push(...this.decisionParts(reportUngradable));
    nodes.push(this.read);
    if (this.reason) nodes.push(this.reason.node);
    if (content.stage !== "first_read") {
      this.comment = new TextField("comment", "Comment (optional)", limits.text,
        (value) => this.set({ comment: value }));
      this.parts.push(this.comment);
      nodes.push(this.comment.node);
    }
    this.node = make("div", { class: "form" }, ...nodes);
    this.draw(false);
  }

  decisionParts(reportUngradable) {
    const { content } = this;
    const nodes = [];
    if (content.opinion?.kind === "abstention") {
      this.followUp = new FollowUp(
        content, this.answers.follow_up, () => this.draw(), () => reportUngradable(this.answers),
      );
      this.parts.push(...this.followUp.fields);
      nodes.push(this.followUp.node);
    }
    if (content.paths.length > 1) {
      this.path = new Segments("path", "Your decision", content.paths, (value) => this.take(value));
      this.path.group.classList.add("paths");
      this.parts.unshift(this.path);
      nodes.push(this.path.node);
    }
    this.reason = new Segments("reason", "Why", [], (value) => this.pickReason(value));
    this.reason.group.classList.add("wrapping");
    this.parts.push(this.reason);
    return nodes;
  }

  // Whose reading is decided for: it fills the fields. How certain the reader is of what the AI
  // says is asked anew.
  take(path) {
    const { first, opinion } = this.content;
    if (path === "keep") {
      this.set({ path, ...first, conditions: [...first.conditions] });
    } else if (path === "ai") {
      const { condition, urgency } = opinion;
      this.set({ path, conditions: [condition], urgency, certainty: null });
    } else {
      this.set({ path });
      if (!this.answers.conditions.length) this.conditions.focus();
    }
  }

  // Another condition or urgency than that of whom the reader followed is the reader's own.
  edit(values) {
    const follows = this.path && ["keep", "ai"].includes(this.answers.path);
    this.set(follows ? { ...values, path: "other" } : values);
  }

  set(values) {
    const { text, ...known } = values;
    Object.assign(this.answers, known);
    this.draw();
  }

  pickReason(value) {
    if (value === "more") {
      this.allReasons = true;
      this.reason.value = this.answers.reason;
      this.draw(false);
      this.reason.buttons[this.likely.length]?.focus();
    } else {
      this.set({ reason: value });
      if (value === this.content.choices.needs_comment) this.comment.focus();
    }
  }

  draw(isChange = true) {
    const { answers, content } = this;
    this.conditions.set(answers.conditions);
    this.urgency.set(answers.urgency);
    this.certainty.set(answers.certainty);
    this.comment?.set(answers.comment);
    this.path?.set(answers.path);
    this.read.hidden = Boolean(this.path) && !answers.path;
    if (this.reason) this.drawReason();
    if (this.comment && content.stage === "decide") {
      this.comment.hidden = Boolean(this.path) && !answers.path;
    }
    if (isChange) this.changed();
  }

  drawReason() {
    const { answers, content } = this;
    const { reasons, likely } = content.choices;
    const departures = departuresOf(content, answers);
    this.reason.hidden = !departures.length && !this.isReasonDemanded;
    if (this.reason.hidden) return;
    this.reason.say(departures.length ? departureSentence(departures) : "");
    const first = likely[kindOfDeparture(content, answers)];
    this.likely = first;
    const listed = this.allReasons || (answers.reason && !first.includes(answers.reason))
      ? [...first, ...reasons.map((one) => one.value).filter((one) => !first.includes(one))]
      : first;
    const options = listed.map((value) => reasons.find((one) => one.value === value));
    if (listed.length < reasons.length) options.push({ value: "more", name: "More…" });
    if (JSON.stringify(options) !== JSON.stringify(this.reason.options)) {
      const focused = this.reason.group.contains(this.node.getRootNode().activeElement);
      this.reason.options = options;
      this.reason.draw();
      this.reason.set(answers.reason);
      if (focused) this.reason.focus();
    } else {
      this.reason.set(answers.reason);
    }
  }

  // The server asks for a reason that was not foreseen here.
  demandReason() {
    this.isReasonDemanded = true;
    this.draw(false);
  }

  field(name) {
    return this.parts.find((one) => one.node.dataset.field === name && !one.node.hidden);
  }

  // A text that is too long is refused with its length before it is sent.
  longText() {
    const long = this.parts.find((one) => one instanceof TextField && !one.hidden && one.isTooLong);
    if (!long) return null;
    const length = textLength(long.value.trim()).toLocaleString("en");
    return {
      code: "text_too_long", field: long.node.dataset.field,
      message: `The text has ${length} characters; at most ${long.most.toLocaleString("en")} are stored.`,
      hint: "Shorten it; nothing was cut off.",
    };
  }

  body() {
    const { conditions, urgency, certainty, reason, comment, rubric } = this.answers;
    const body = { version: this.content.version, conditions, urgency, certainty };
    if (this.content.stage !== "first_read") body.comment = comment;
    if (this.content.rubric) body.rubric = rubric;
    if (this.content.stage === "decide") {
      body.reason = this.reason.hidden ? null : reason;
      if (this.followUp) body.follow_up = followUpOf(this.answers);
    }
    return body;
  }
}
