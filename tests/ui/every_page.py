"""Every page of the site in a browser, one after the other, as a reader comes to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.ui.browser import sign_in
from tests.ui.make_every_page import GOVERNANCE, READER, EveryPage
from tests.ui.panel import LOCK, STORE, choose, choose_condition, first_read, main_button


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that has been drawn.

    Parameters
    ----------
    name : str
        Of the page and of the step that a case is at.
    page : Page
        Of Playwright.
    """

    name: str
    page: Any


def every_page(
    page: Any, other: Any, address: str, made: EveryPage, password: str
) -> Iterator[Shown]:
    """Go through all pages; each is given when it is complete.

    Parameters
    ----------
    page : Page
        In which the reader signs in.
    other : Page
        Of a browser context of its own, in which governance signs in.
    address : str
    made : EveryPage
    password : str
        Of all accounts.
    """
    page.goto(f"{address}/login")
    page.get_by_role("button", name="Sign in").wait_for()
    yield Shown("sign-in", page)
    sign_in(page, address, READER.name, password)
    yield from _lists(page, address)
    yield from _photographs(page, address, made)
    yield from _other_cases(page, address, made.numbers)
    page.goto(f"{address}/letter/{made.numbers['C-0988']}")
    yield Shown("letter", page)
    sign_in(other, address, GOVERNANCE.name, password)
    _heading(other, "Worklist")
    yield from _listed(other, address, "governance", "Governance")
    yield from _monitoring(other, address, made.bundle)
    yield from _audits(other, address, made.bundle)


def settled(page: Any) -> None:
    """Wait until Streamlit has drawn all of a page and its pictures have come."""
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid=stApp]');
            if (!app) return true;
            const roots = [document, ...[...document.querySelectorAll('*')]
                .map((one) => one.shadowRoot).filter(Boolean)];
            const busy = '[data-testid=stSkeleton], [data-testid=stSpinner], [data-stale=true]';
            return app.dataset.testScriptState === 'notRunning'
                && !roots.some((root) => root.querySelector(busy))
                && !roots.flatMap((root) => [...root.querySelectorAll('img')])
                    .some((one) => one.loading !== 'lazy' && !one.complete);
        }"""
    )


def text_of_page(page: Any, factor: float) -> None:
    """Enlarge the text, as a browser does that enlarges nothing else."""
    page.evaluate(
        """(factor) => {
            document.documentElement.style.setProperty(
                'font-size', factor === 1 ? '' : `${16 * factor}px`, 'important');
            window.dispatchEvent(new Event('resize'));
        }""",
        factor,
    )


def _heading(page: Any, name: str) -> None:
    page.get_by_role("heading", name=name, level=1).wait_for()
    settled(page)


def _listed(page: Any, address: str, path: str, heading: str) -> Iterator[Shown]:
    page.goto(f"{address}/{path}")
    _heading(page, heading)
    yield Shown(path or "worklist", page)


def _lists(page: Any, address: str) -> Iterator[Shown]:
    yield from _listed(page, address, "", "Worklist")
    page.get_by_role("button", name="Filters").click()
    page.get_by_test_id("stPopoverBody").wait_for()
    yield Shown("worklist with filters", page)
    for path, heading in (
        ("add-case", "Add a case"),
        ("my-cases", "My cases"),
        ("second-reads", "Second reads"),
        ("labelling", "Labelling"),
        ("adjudication", "Adjudication"),
        ("sign-off", "Sign-off"),
        ("models", "Models"),
        ("help", "Help"),
        ("account", ""),
    ):
        yield from _listed(page, address, path, heading)


def _audits(page: Any, address: str, bundle: str) -> Iterator[Shown]:
    page.goto(f"{address}/audits?audit=half-year")
    _heading(page, "Audits")
    yield Shown("audits", page)
    page.get_by_role("radio", name="With intervals and p-values").click()
    page.get_by_role("region", name="Findings").wait_for()
    settled(page)
    yield Shown("audit with intervals", page)
    page.get_by_role("tab", name="Plans").click()
    page.get_by_role("button", name="Audit this database").wait_for()
    yield Shown("plans of audits", page)
    page.goto(f"{address}/model-card?bundle={bundle}")
    _heading(page, "Demo skin system")
    yield Shown("model card", page)
    page.goto(f"{address}/audit-cases?audit=half-year&axis=overall&level=all&metric=accuracy")
    _heading(page, "Cases that count as errors")
    yield Shown("cases of an audit", page)


def _monitoring(page: Any, address: str, bundle: str) -> Iterator[Shown]:
    page.goto(f"{address}/monitoring?system={bundle}")
    _heading(page, "Monitoring")
    page.get_by_role("heading", name="Charts", exact=True).wait_for()
    settled(page)
    yield Shown("monitoring", page)


def _photographs(page: Any, address: str, made: EveryPage) -> Iterator[Shown]:
    """Step through a case with long names, and answer another on which the AI abstained."""
    numbers = made.numbers
    page.goto(f"{address}/case?case={numbers['C-1003']}")
    main_button(page, LOCK).wait_for()
    settled(page)
    yield Shown("case before the reveal", page)
    main_button(page).click()
    page.get_by_role("button", name="Cannot grade…").click()
    page.get_by_role("dialog").wait_for()
    yield Shown("case that cannot be graded", page)
    page.keyboard.press("Escape")
    choose_condition(page, made.condition)
    choose(page, "Urgent")
    choose(page, "Fairly sure")
    main_button(page).click()
    main_button(page, STORE).wait_for()
    settled(page)
    yield Shown("case after the reveal", page)
    choose(page, "Other")
    main_button(page).click()
    yield Shown("case with a refused decision", page)
    choose(page, "Keep mine")
    main_button(page).click()
    main_button(page, "Next case").wait_for()
    settled(page)
    yield Shown("case after the decision", page)

    page.goto(f"{address}/case?case={numbers['C-1002']}")
    first_read(page, "irregular", "Semi-urgent", "Unsure")
    settled(page)
    yield Shown("abstention", page)


def _other_cases(page: Any, address: str, numbers: dict[str, int]) -> Iterator[Shown]:
    page.goto(f"{address}/case?case={numbers['V-3101']}")
    page.get_by_role("slider", name="B-scan").wait_for()
    main_button(page, LOCK).wait_for()
    settled(page)
    yield Shown("OCT case before the reveal", page)
    first_read(page, "choroidal", "Urgent", "Fairly sure")
    page.get_by_text("Tissue map", exact=True).wait_for()
    settled(page)
    yield Shown("OCT case after the reveal", page)
    page.goto(f"{address}/case?case={numbers['C-2040']}&as=second_read")
    main_button(page, "Store my second read").wait_for()
    settled(page)
    yield Shown("second read", page)
    page.goto(f"{address}/case?case={numbers['C-2044']}&as=adjudication")
    main_button(page, "Store my answer").wait_for()
    settled(page)
    yield Shown("answer in an adjudication", page)
    page.goto(f"{address}/case?case={numbers['C-0741']}")
    settled(page)
    page.goto(f"{address}/case")
    page.get_by_text("No case is open.").wait_for()
    yield Shown("no case", page)
