// The other cases of a patient: when, what, how far they have come, and their pictures.

function caseRow(row, chosen, look) {
  const facts = [row.what, row.side, row.state].filter(Boolean).join(" · ");
  const pictures = row.pictures.map((address) => {
    const picture = make("img", { src: address, alt: "", loading: "lazy" });
    picture.addEventListener("error", () => picture.remove()); // why is said where it is looked at
    return picture;
  });
  const button = make(
    "button", { type: "button", "aria-label": `Look at case ${row.name}` },
    chosen ? "Shown" : "Look at it",
  );
  button.setAttribute("aria-pressed", chosen);
  button.addEventListener("click", () => look(row.id));
  const link = make(
    "a", { href: row.address, target: "_blank", rel: "noopener" }, "Open in another tab",
  );
  return make(
    "li", { class: chosen ? "chosen" : "" },
    make("div", { class: "head" }, make("strong", {}, row.when), make("span", {}, row.name)),
    make("span", { class: "what" }, facts),
    ...(row.own ? [make("span", { class: "own" }, "You decided: ", make("b", {}, row.own))] : []),
    make("div", { class: "pictures" }, ...pictures, row.more ? `and ${row.more} more` : ""),
    make("div", { class: "acts" }, ...(row.pictures.length ? [button] : []), link),
  );
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".cases");
  const text = JSON.stringify(data);
  if (list.dataset.shown === text) return;
  const focused = [...list.querySelectorAll("button")].indexOf(parentElement.activeElement);
  const look = (id) => setTriggerValue("look", id);
  const rows = data.rows.map((row) => caseRow(row, row.id === data.chosen, look));
  list.replaceChildren(...rows);
  list.dataset.shown = text;
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
}
