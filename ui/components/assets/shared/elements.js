// Elements that are built, never parsed from text: what data say stays text.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Give a canvas the resolution of the screen; its context then draws in CSS pixels.
function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    Object.assign(canvas, { width: across, height: down });
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

// Menus (`details`) that close by Escape, and when something else is pressed.
function closeMenus(root) {
  const menus = () => [...root.querySelectorAll("details[open]")];
  root.addEventListener("pointerdown", (event) => {
    for (const menu of menus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  root.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
    event.preventDefault();
  });
}

// Height of what is above an element in the window, in CSS pixels; null while the page is scrolled.
function heightAbove(element) {
  const page = element.getRootNode().host?.closest("[data-testid=stMain]");
  if (page?.scrollTop > 0 || !element.offsetParent) return null;
  return Math.min(Math.max(element.getBoundingClientRect().top, 0), innerHeight / 2);
}

// The two sliders of a menu and its button that takes every alteration back.
function listenToTones(find, alter) {
  for (const tone of ["brightness", "contrast"]) {
    find(`.${tone}`).addEventListener("input", ({ target }) => alter({ [tone]: Number(target.value) }));
  }
  find(".reset").addEventListener("click", () => {
    alter({ brightness: 0, contrast: 0, balanced: false });
  });
}

// What is altered, beside the picture and in the menu.
function showTones(find, state) {
  const altered = alterations(state);
  find(".badge").textContent = altered;
  find(".badge").hidden = !altered;
  find(".reset").hidden = !altered;
  for (const tone of ["brightness", "contrast"]) {
    find(`.${tone}`).value = state[tone];
    find(`.${tone}-text`).textContent = state[tone] > 0 ? `+${state[tone]}` : `${state[tone]}`;
  }
}
