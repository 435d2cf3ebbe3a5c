// The list of cases. Texts become text nodes; a row's address comes from the server.

const AGAIN = 1500; // milliseconds in which a second click on a row is the same one
const drawn = new WeakMap(); // what each list shows, so that a rerun that changes nothing is free
const opened = new WeakMap(); // row and time of the last opening

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function absent() {
  const box = make("span", "absent");
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", "No picture can be shown");
  return box;
}

function picture(row) {
  if (!row.picture) return absent();
  const image = make("img", "picture");
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = row.pictureText;
  image.width = image.height = 56;
  image.addEventListener("error", () => image.replaceWith(absent()), { once: true });
  image.src = row.picture;
  return image;
}

function fact(one, heading) {
  const name = make("span", "name", `${heading.text}: `);
  const cell = make("span", one.mark ? `fact marked ${one.mark}` : "fact");
  if (one.mark) cell.append(make("i", "sign"));
  cell.append(make("span", "", one.text ? name : "", one.text));
  return cell;
}

function line(row, headings) {
  const link = make(
    row.disabled ? "div" : "a",
    row.disabled ? "row closed" : "row",
    picture(row),
    make("span", "", make("span", "title", row.title), make("span", "subtitle", row.subtitle)),
    make("span", "facts", ...row.columns.map((one, at) => fact(one, headings[at + 1]))),
    make("span", "action", row.disabled || row.action),
  );
  link.dataset.case = row.case;
  if (row.disabled) {
    // Reached by the keyboard too, since it says why it does not open.
    link.tabIndex = 0;
    link.setAttribute("role", "link");
    link.setAttribute("aria-disabled", "true");
  } else {
    link.href = row.href;
  }
  return make("li", "", link);
}

function move(list, event) {
  const rows = [...list.querySelectorAll(".row")];
  const at = rows.indexOf(event.target.closest(".row"));
  const places = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  if (at < 0 || !plain || !(event.key in places)) return;
  event.preventDefault();
  const next = rows[places[event.key]];
  if (next) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

function open(root, event, setTriggerValue) {
  const row = event.target.closest("a.row");
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  if (!row || event.button !== 0 || !plain) return; // the browser opens another tab or window
  event.preventDefault();
  const last = opened.get(root);
  if (last && last.row === row && event.timeStamp - last.at < AGAIN) return;
  opened.set(root, { row, at: event.timeStamp });
  row.classList.add("opening");
  setTimeout(() => row.classList.remove("opening"), AGAIN);
  setTriggerValue("open", Number(row.dataset.case));
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".rows");
  const list = root.querySelector(".list");
  list.onkeydown = (event) => move(list, event);
  list.onclick = (event) => open(root, event, setTriggerValue);
  const shown = JSON.stringify(data);
  if (drawn.get(root) === shown) return;
  const before = drawn.has(root) && list.querySelector(".row")?.dataset.case;
  drawn.set(root, shown);
  const { headings, rows, label } = data;
  const widths = headings.map((one) => `minmax(0, ${one.width}fr)`);
  root.style.setProperty("--columns", widths.join(" "));
  const names = headings.map((one) => make("span", "", one.text));
  root.querySelector(".headings").replaceChildren(...names);
  list.setAttribute("aria-label", label);
  const focused = root.getRootNode().activeElement?.closest?.(".row")?.dataset.case;
  list.replaceChildren(...rows.map((row) => line(row, headings)));
  if (focused) list.querySelector(`[data-case="${CSS.escape(focused)}"]`)?.focus();
  const first = list.querySelector(".row");
  // Another part of a long list, asked for below it: go on at its beginning.
  const isAnother = first && before && first.dataset.case !== before;
  if (isAnother && root.getBoundingClientRect().top < 0) first.focus();
}
