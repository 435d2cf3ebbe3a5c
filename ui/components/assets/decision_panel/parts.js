// Parts of the panel that are shown and not answered: its steps, and similar cases.

function drawSteps({ steps, step }) {
  const list = make("ol", { class: "steps", "aria-label": "Steps" });
  steps.forEach((name, at) => {
    const item = make("li", {}, at < step ? make("span", { "aria-hidden": "true" }, "✓") : "",
      ` ${steps.length > 1 ? `${at + 1} ` : ""}${name}`);
    if (at === step) item.setAttribute("aria-current", "step");
    list.append(item);
  });
  return list;
}

// Cases with a known label that look alike; shown only after the decision.
function drawSimilar({ title, intro, note, cards }) {
  const rows = cards.map((card) => make("li", {},
    make("a", { href: card.large, target: "_blank", rel: "noopener", title: "Larger, in a new tab" },
      make("img", { src: card.picture, alt: card.alt, loading: "lazy" })),
    make("div", {},
      make("p", { class: "known" }, make("strong", {}, card.label), " ", make("span", {}, card.source)),
      make("p", { class: "distance" }, make("span", {}, card.distance), card.scale && `. ${card.scale}.`),
      make("p", { class: "small" }, [card.facts, card.more].filter(Boolean).join(" · ")))));
  const section = make("section", { class: "similar" }, make("h2", {}, title),
    make("p", { class: "small" }, intro));
  if (rows.length) section.append(make("ul", {}, ...rows), make("p", { class: "small" }, note));
  return section;
}
