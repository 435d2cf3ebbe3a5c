// The AI's opinion, drawn from what the server sends after the first read is locked.

const SIGNS = { urgent: "▲", semi_urgent: "◆", routine: "●", observation: "○" };

function urgencySign(urgency) {
  return make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[urgency] ?? "");
}

function drawOpinion(opinion) {
  const card = make("section", { class: `opinion ${opinion.kind}` });
  const title = make("h2", { tabindex: "-1" }, "AI opinion");
  card.setAttribute("aria-labelledby", (title.id = newId("opinion")));
  card.append(title);
  if (opinion.kind === "opinion") {
    card.append(...opinionParts(opinion));
  } else {
    card.append(...withoutOpinion(opinion));
  }
  return card;
}

function opinionParts(opinion) {
  const referral = make("p", { class: "referral", "data-tone": opinion.urgency },
    urgencySign(opinion.urgency), make("strong", {}, opinion.referral));
  const headline = make("div", { class: "headline" }, make("span", {}, "Referral"), referral);
  if (opinion.likeliest) {
    headline.append(make("p", { class: "likeliest" },
      make("span", {}, opinion.likeliest.before), " ", make("strong", {}, opinion.likeliest.name)));
  }
  const parts = [headline];
  const bars = make("ul", { class: "bars" }, ...opinion.bars.map(bar));
  bars.setAttribute("aria-label", opinion.counted);
  parts.push(bars);
  for (const line of [opinion.set, opinion.doubt]) {
    if (line) parts.push(make("p", { class: "line" }, line));
  }
  if (opinion.next_action) {
    parts.push(make("p", { class: "line" }, make("strong", {}, "Next action: "), opinion.next_action));
  }
  const about = opinion.about.map((text) => make("p", {}, text));
  parts.push(make("details", { class: "small" }, make("summary", {}, opinion.system), ...about));
  return parts;
}

function bar({ name, count, share, note, none }) {
  const label = make("span", { class: "name" }, name);
  if (note) label.append(" ", make("small", {}, note));
  const fill = make("span", { class: none ? "fill none" : "fill" });
  fill.style.width = `${100 * share}%`;
  const track = make("span", { class: "track", "aria-hidden": "true" }, fill);
  return make("li", {}, label, make("span", { class: "count" }, count), track);
}

function withoutOpinion(opinion) {
  if (opinion.kind === "without_ai") return [make("p", { class: "line" }, opinion.text)];
  const parts = [make("p", { class: "warning" },
    make("span", { "aria-hidden": "true" }, "⚠"), make("strong", {}, opinion.warning))];
  const reason = make("p", { class: "line" }, make("strong", {}, "Reason: "), opinion.reason);
  if (opinion.code) reason.append(" ", make("small", {}, `(${opinion.code})`));
  parts.push(reason);
  if (opinion.next_action) {
    parts.push(make("p", { class: "line" }, make("strong", {}, "Next action: "), opinion.next_action));
  }
  if (opinion.listed.length) {
    const lines = opinion.listed.map(({ name, applies }) => make(
      "li", { class: applies ? "applies" : "" },
      make("span", { "aria-hidden": "true" }, applies ? "☑" : "☐"),
      ` ${name}${applies ? ": this one" : ""}`,
    ));
    parts.push(make("ul", { class: "listed" }, ...lines));
  }
  return parts;
}

// What the reader has follow where the AI abstained; none is chosen beforehand.
class FollowUp {
  constructor(content, answers, change, reportUngradable) {
    const { follow_up: asked } = content.opinion;
    this.answers = answers;
    this.change = change;
    this.kind = new Segments("follow_up", "What is to follow?", asked.kinds, (value) => {
      answers.kind = value;
      if (value === "specialist") answers.by ??= asked.by;
      this.draw();
      change();
    });
    this.kind.group.classList.add("tall");
    this.wrong = new Checklist("follow_up_wrong", "What is wrong with the images?", asked.wrong, () => {
      answers.wrong = [...this.wrong.chosen];
      change();
    });
    this.by = new Field("follow_up_by", "To be seen by");
    this.day = make("input", { type: "date", "aria-labelledby": this.by.titleId, min: asked.today });
    this.day.addEventListener("change", () => {
      answers.by = this.day.value || null;
      this.by.mark(false);
      change();
    });
    this.by.focus = () => this.day.focus();
    this.by.node.append(this.day);
    this.text = new TextField("follow_up_text", "Why", content.limits.text, (value) => {
      answers.text = value;
      change();
    });
    const report = make("button", { type: "button", class: "link" },
      "The images cannot be read at all: report that instead");
    report.addEventListener("click", reportUngradable);
    this.report = report;
    this.node = make("div", { class: "follow-up" }, this.kind.node, this.wrong.node, this.by.node,
      this.text.node, report);
    this.draw();
  }

  get fields() {
    return [this.kind, this.wrong, this.by, this.text];
  }

  draw() {
    const { kind, by, text, wrong } = this.answers;
    this.kind.set(kind);
    this.wrong.chosen = new Set(wrong);
    this.wrong.draw();
    this.wrong.hidden = kind !== "retake";
    this.report.hidden = kind !== "retake";
    this.by.hidden = kind !== "specialist";
    this.day.value = by ?? "";
    this.text.hidden = !kind || kind === "specialist";
    this.text.title.textContent = kind === "retake" ? "Anything else (optional)" : "Neither, because";
    this.text.set(text);
  }
}
