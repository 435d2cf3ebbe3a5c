// An adjudication: the answers of earlier rounds as cards, and the features of the rubric.

function drawRounds(rounds) {
  return rounds.map(({ title, answers }) => {
    const cards = answers.map((answer) => {
      const card = make("article", { class: answer.own ? "answer own" : "answer" },
        make("h3", {}, answer.own ? `${answer.reader} (you)` : answer.reader),
        make("p", {}, make("strong", {}, answer.conditions)),
        make("p", {}, urgencySign(answer.urgency), ` ${answer.stated}`));
      if (answer.features) card.append(make("p", { class: "small" }, answer.features));
      if (answer.comment) card.append(make("p", { class: "comment" }, answer.comment));
      return card;
    });
    return make("section", { class: "round" }, make("h2", {}, title),
      make("div", { class: "answers" }, ...cards));
  });
}

class Rubric extends Field {
  constructor(features, answers, change) {
    super("rubric", "What is to be seen");
    this.answers = answers;
    const options = [
      { value: "yes", name: "Yes" }, { value: "no", name: "No" },
      { value: "cannot_tell", name: "Cannot tell" },
    ];
    this.features = features.map(({ key, title }) => {
      const one = new Segments(key, title, options, (value) => {
        answers[key] = value;
        this.mark(false);
        change();
      });
      one.node.classList.add("feature");
      one.set(answers[key] ?? null);
      return one;
    });
    this.node.append(...this.features.map((one) => one.node));
  }

  mark(isMissing) {
    this.node.classList.toggle("missing", isMissing);
  }

  focus() {
    const open = this.features.find((one) => !this.answers[one.node.dataset.field]);
    (open ?? this.features[0])?.focus();
  }
}
