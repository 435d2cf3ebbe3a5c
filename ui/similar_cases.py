"""Similar labelled cases as a page shows them after the decision: words, and addresses of pictures.

Nothing is returned before the reader's decision stands; `triage.review.similar_cases` sees to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.accounts import Actor
from triage.printable import printable
from triage.review import StepRefused
from triage.review.labelled_cases import LabelEvidence
from triage.review.similar_cases import SimilarCase, SimilarCases, WhyNone, similar_cases
from triage.store import Store
from ui.case_words import CaseWords
from ui.image_address import PictureSize, image_address
from ui.words import condition_name, frequency, plain_name

SHOWN = 3
"""Cases on a page: a row of three fits beside the decision."""
WEAK_FROM = 0.25
"""Share of pairs with different labels that are as near, from which a resemblance is called weak.
Our default."""
TITLE = "Similar cases with a known label"
EVIDENCE: Mapping[LabelEvidence, str] = {
    LabelEvidence.HISTOLOGY: "Histology",
    LabelEvidence.ADJUDICATED: "Two readers and adjudication",
    LabelEvidence.SEVERAL_READERS: "Several readers, each without the AI",
    LabelEvidence.ONE_READER: "One reader, without the AI",
}
WHY_NONE: Mapping[WhyNone, str] = {
    WhyNone.NO_SYSTEM: "No system has scored this case.",
    WhyNone.WITHDRAWN: "The system whose opinion was shown has been withdrawn.",
    WhyNone.NO_VECTOR: "The system cannot compare this case with others.",
    WhyNone.NO_LABELLED_CASES: (
        "No other case that this system has scored is signed and has a label to show."
    ),
}
_MOST_FACTS = 3


def similar_cases_content(
    store: Store, case_id: int, actor: Actor, words: CaseWords, count: int = SHOWN
) -> dict[str, Any]:
    """Return what a page shows of similar cases, as JSON takes it.

    Returns
    -------
    dict
        `title`, `intro` and `note`, texts, and `cards`, a list of mappings of texts: `picture`
        and `large` (addresses), `alt`, `label`, `source`, `distance`, `scale`, `facts`, `more`.
        Without cards the intro says why; all is empty where none may be shown, such as before the
        decision and of a case that is read without the AI.
    """
    try:
        found = similar_cases(store, case_id, actor, count)
    except StepRefused:
        return {"title": "", "intro": "", "note": "", "cards": []}
    if found.why_none is not None:
        return {"title": TITLE, "intro": WHY_NONE[found.why_none], "note": "", "cards": []}
    return {
        "title": TITLE,
        "intro": _intro(found),
        "note": _note(found),
        "cards": [card(one, words) for one in found.cases],
    }


def card(one: SimilarCase, words: CaseWords) -> dict[str, str]:
    """Return the texts of one case."""
    label = ", ".join(condition_name(name) for name in one.conditions)
    several = one.images > 1
    return {
        "picture": image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
        "large": image_address(one.case_id, 0, PictureSize.FITTED, None),
        "alt": f"{words.image.capitalize()} of another case, labelled {label}",
        "label": label,
        "source": EVIDENCE[one.evidence],
        "distance": f"Distance {one.distance:.2f}",
        "scale": scale_words(one.as_near),
        "facts": _facts(one),
        "more": f"1 of {one.images} {words.images}" if several else "",
    }


def scale_words(as_near: float | None) -> str:
    """Return how near a case is, told by pairs of cases that have different labels."""
    if as_near is None:
        return ""
    if as_near >= WEAK_FROM:
        return f"Weak resemblance: {frequency(as_near)} pairs with different labels are as near"
    return f"{_capital(frequency(as_near))} pairs with different labels are as near"


def _facts(one: SimilarCase) -> str:
    known = [
        f"{plain_name(name)} {printable(str(value))}"
        for name, value in one.groups.items()
        if value is not None
    ]
    return " · ".join(known[:_MOST_FACTS])


def _intro(found: SimilarCases) -> str:
    nearest = "The nearest" if len(found.cases) == 1 else f"The {len(found.cases)} nearest"
    cases = "case" if found.compared == 1 else "cases"
    return (
        f"{nearest} of other patients, among {found.compared:,} signed {cases} with a label, as "
        f"the system “{printable(found.bundle)}” sees them."
    )


def _note(found: SimilarCases) -> str:
    measured = "Distance: 0 is the same to the system, 1 nothing in common."
    if all(one.as_near is None for one in found.cases):
        measured += " There are too few labelled cases to say what is near."
    return f"{measured} Alike to the system does not mean the same diagnosis."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
