"""The panel of a case in tests: what reaches it, its steps without a browser, and driving it."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.ui.conftest import Pages
from triage.accounts import Actor, Role
from triage.store import open_store
from triage.store.tables import Case
from triage.vocabulary.clinical import Urgency
from ui.serving.step_routes import STEPS

LOCK, STORE = "Lock my first read", "Store my decision"
NOTHING_FOLLOWS = {"kind": "none", "text": "Seen in the clinic today."}


# Without a browser


def content(app: AppTest) -> dict[str, Any]:
    """Return what the panel of a page was given."""
    found: dict[str, Any] = json.loads(_component(app, "decision_panel").json)
    return found


def has_panel(app: AppTest) -> bool:
    """Whether a page has a panel."""
    return any(name == "decision_panel" for name, _ in _components(app))


def _component(app: AppTest, name: str) -> Any:
    (found,) = [proto for each, proto in _components(app) if each == name]
    return found


def _components(app: AppTest) -> list[tuple[str, Any]]:
    found = []

    def walk(block: Any) -> None:
        proto = getattr(block, "proto", None)
        if getattr(block, "type", "") == "bidi_component":
            found.append((proto.component_name, proto))
        for child in getattr(block, "children", {}).values():
            walk(child)

    for root in app._tree.children.values():
        walk(root)
    return found


def read(
    condition: str = "melanoma", urgency: Urgency | str = "urgent", certainty: str = "sure"
) -> dict[str, Any]:
    """Return a read as the panel sends it."""
    return {"conditions": [condition], "urgency": str(urgency), "certainty": certainty}


def take(pages: Pages, name: str, step: str, reader: str = "Ann", **body: Any) -> dict[str, Any]:
    """Take a step as the panel does, at the version that the case has now unless one is given."""
    store = open_store(pages.url)
    try:
        number = pages.cases[name]
        with store.reading() as session:
            row = session.get(Case, number)
            assert row is not None
            version = row.version
        body_class, do, _ = STEPS[step]
        sent = body if step in ("draft", "activity") else {"version": version, **body}
        given = body_class.model_validate_json(json.dumps(sent))
        return dict(do(store, number, Actor(reader, Role.SENIOR_READER), given))
    finally:
        store.close()


def lock(pages: Pages, name: str, reader: str = "Ann", **given: Any) -> AppTest:
    """Open a case, lock a first read and return the page that follows."""
    pages.open(name, reader)
    take(pages, name, "first-read", reader, **(given or read()))
    return pages.open(name, reader)


def bars(app: AppTest) -> list[str]:
    """Return the name and number of each bar of the AI's opinion."""
    return [f"{bar['name']}: {bar['count']}" for bar in content(app)["opinion"]["bars"]]


# In a browser


def main_button(page: Any, name: str = "") -> Any:
    """Return the main button of the panel, by the beginning of its name."""
    found = page.locator("section.panel footer .main")
    return found.filter(has_text=name) if name else found


def choose_condition(page: Any, text: str) -> None:
    """Search for a condition and choose the first that fits."""
    box = page.get_by_role("combobox")
    box.fill(text)
    page.get_by_role("option").first.click()


def choose(page: Any, name: str) -> None:
    """Press the button of an answer, such as an urgency."""
    exactly = page.get_by_text(name, exact=True)
    page.locator("section.panel .segment:visible").filter(has=exactly).click()


def first_read(page: Any, condition: str, urgency: str, certainty: str) -> None:
    """Answer and lock a first read, and wait for the next step."""
    main_button(page, LOCK).wait_for()
    choose_condition(page, condition)
    choose(page, urgency)
    choose(page, certainty)
    main_button(page).click()
    main_button(page, STORE).wait_for()


def focused(page: Any) -> str:
    """Return the role and the text of what has the focus, also within components."""
    found: str = page.evaluate(
        """() => {
            let one = document.activeElement;
            while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
            return `${one?.getAttribute('role') ?? one?.tagName} ${one?.textContent}`.trim();
        }"""
    )
    return found


CUT_OFF = """
() => {
    const host = [...document.querySelectorAll('*')]
        .find((one) => one.shadowRoot?.querySelector('section.panel'));
    const panel = host.shadowRoot.querySelector('section.panel');
    const frame = panel.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    const texts = [...panel.querySelectorAll('h3, p, li, button, span, small, .title, textarea')]
        .filter((one) => one.getClientRects().length && getComputedStyle(one).display !== 'inline');
    const footer = panel.querySelector('footer .main').getBoundingClientRect();
    const wrong = texts.filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > Math.min(frame.right, wide) + 1
            || text.tagName !== 'TEXTAREA' && text.scrollWidth > text.clientWidth + 1;
    }).map((text) => text.outerHTML.slice(0, 200));
    if (texts.length < 8) wrong.push('no panel');
    if (footer.bottom > window.innerHeight + 1 || footer.top < 0) wrong.push('main button');
    if (document.documentElement.scrollWidth > wide) wrong.push('page is wider');
    return wrong;
}
"""
"""What of the panel does not fit into it or into the window, and the main button if not in view."""
