// What the referral rests on, in numbers: probabilities of all pairs, diagnoses, measurements.

function showReferral(section, rows, instances) {
  section.hidden = rows.length === 0;
  if (section.hidden) return;
  const top = Math.max(...rows.map((row) => row.mean));
  const drawn = rows.map((row) => {
    const description = `${row.name}: ${row.frequency}; the pairs from ${row.spread} of 100`;
    const groups = row.pairs.map((group) => {
      const tall = (share) => `height:${Math.max(2, 100 * share)}%`;
      const bars = group.map((share) => make("i", { style: tall(share) }));
      return make("span", { class: "group" }, ...bars);
    });
    return make(
      "div", { class: row.mean === top ? "line top" : "line" },
      make("span", { class: "name" }, row.name),
      make("span", { class: "pairs", role: "img", "aria-label": description }, ...groups),
      make(
        "span", { class: "frequency", "aria-hidden": "true" },
        row.frequency, make("small", {}, `pairs ${row.spread}`),
      ),
    );
  });
  section.querySelector(".rows").replaceChildren(...drawn);
  const pairs = rows[0].pairs.reduce((sum, group) => sum + group.length, 0);
  section.querySelector(".note").textContent =
    `One thin bar for each of ${pairs} pairs: ${instances} tissue maps, each read by ` +
    `${rows[0].pairs[0].length} referral instances. A full bar is 100 of 100.`;
}

function showDiagnoses(section, rows) {
  section.hidden = rows.length === 0;
  const drawn = rows.map((row) => make(
    "div", { class: "line" },
    make("span", { class: "name" }, row.name),
    make(
      "span",
      { class: "bar", role: "img", "aria-label": `${row.name}: ${row.frequency}, ${row.spread}` },
      make("i", { class: "fill", style: `width:${100 * row.mean}%` }),
      make("i", {
        class: "whisker",
        style: `left:${100 * row.low}%;width:${100 * (row.high - row.low)}%`,
      }),
    ),
    make(
      "span", { class: "frequency", "aria-hidden": "true" },
      row.frequency, make("small", {}, row.spread),
    ),
  ));
  section.querySelector(".rows").replaceChildren(...drawn);
}

function showMeasurements(section, rows, reference) {
  section.hidden = rows.length === 0;
  section.querySelector(".reference").textContent = reference;
  const drawn = rows.map(([name, value, unit, spread, deviation]) => make(
    "tr", {},
    make("th", { scope: "row" }, name),
    make("td", {}, value),
    make("td", {}, unit),
    make("td", {}, spread),
    make("td", {}, deviation),
  ));
  section.querySelector("tbody").replaceChildren(...drawn);
}

// A B-scan's tissues by name and share of its area; colour alone is not accessible.
function showLegend(list, tissues, background, shares) {
  const order = tissues.map((_, at) => at).filter((at) => at !== background);
  const drawn = order.map((at) => make(
    "li", { class: shares[at] > 0 ? "here" : "absent" },
    make("i", { style: `background:${tissues[at].colour}`, "aria-hidden": "true" }),
    tissues[at].name,
    make("small", {}, shares[at] > 0 ? `${percent(shares[at])}` : "not here"),
  ));
  list.replaceChildren(...drawn);
}

const percent = (share) => `${share >= 10 ? share.toFixed(0) : share.toFixed(1)} %`;

// The largest difference between an instance's map and the mean, as text.
function difference(tissues, background, mean, shares) {
  let [most, which] = [0, -1];
  shares.forEach((share, at) => {
    if (at !== background && Math.abs(share - mean[at]) > Math.abs(most)) {
      [most, which] = [share - mean[at], at];
    }
  });
  if (Math.abs(most) < 0.05) return "as the mean";
  return `${percent(Math.abs(most))} ${most > 0 ? "more" : "less"} ${tissues[which].name}`;
}
