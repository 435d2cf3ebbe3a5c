"""The other cases of a patient, in the header of a case: looked at without leaving it.

Nothing of the AI and of other readers is shown: they may not be known to who reads this case.
"""

from __future__ import annotations

import streamlit as st

from triage.accounts import Actor
from triage.modalities import MODALITIES
from triage.review import taken_up
from triage.store import Store
from triage.store.cases import cases_of_patient
from triage.store.records import FinalRead, PatientCase, StoredCase
from triage.vocabulary.case_states import CaseState
from ui.case_views import CASE_VIEWS
from ui.components import earlier_cases as component
from ui.image_address import PictureSize, image_address
from ui.session import address_of_case
from ui.words import URGENCIES, condition_name

_STATES = {
    CaseState.RECEIVED: "not read yet",
    CaseState.QUALITY_GATED: "not read yet",
    CaseState.INFERRED: "not read yet",
    CaseState.SKIPPED: "not read yet",
    CaseState.FIRST_READ_LOCKED: "being read",
    CaseState.REVEALED: "being read",
    CaseState.DECIDED: "decided",
    CaseState.SECOND_READ: "decided",
    CaseState.ADJUDICATION: "decided",
    CaseState.SIGNED: "signed",
    CaseState.EXPORTED: "signed",
    CaseState.AMENDED: "signed",
    CaseState.UNGRADABLE: "could not be read",
}
"""Coarse, so that a state does not say whether readers disagree."""
_THUMBNAILS = 6


def show(store: Store, case: StoredCase, actor: Actor) -> None:
    """Draw a button that opens the patient's other cases; nothing where there are none.

    Parameters
    ----------
    store : Store
    case : StoredCase
        The case that is open.
    actor : Actor
        Who reads it. Their own decision on another case is shown, nobody else's.
    """
    with store.reading() as session:
        found = cases_of_patient(session, case.id)
    if not found:
        return
    count = len(found)
    label = f"{count} other case{'' if count == 1 else 's'} of this patient"
    key = f"other-cases-{case.id}"
    if st.button(label, icon=":material/history:", type="tertiary", key=key):
        _look(store, case, found, actor)


@st.dialog("Other cases of this patient", width="large")
def _look(store: Store, case: StoredCase, found: list[PatientCase], actor: Actor) -> None:
    """List the cases and show the images of one as before a first read: without the AI."""
    key = f"looked-at-{case.id}"
    left, right = st.columns((2, 5))
    with left:
        chosen = st.session_state.get(key, found[0].case.id)
        rows = [_row(store, case, other, actor) for other in found]
        pressed = component.show(rows, chosen=chosen, key=f"others-of-{case.id}")
        if pressed is not None and pressed != chosen:
            st.session_state[key] = pressed
            st.rerun(scope="fragment")
    shown = next((other.case for other in found if other.case.id == chosen), found[0].case)
    view = CASE_VIEWS[shown.modality]
    with right:
        view.show_images(shown, None, view.words)


def _row(store: Store, case: StoredCase, other: PatientCase, actor: Actor) -> dict[str, object]:
    view = CASE_VIEWS[other.case.modality]
    volumes = MODALITIES[other.case.modality].volumes
    count = len(other.case.images)
    review = taken_up(store, other.case.id, actor)
    return {
        "id": other.case.id,
        "name": other.case.external_id,
        "when": _when(other.case, case),
        "what": f"{count} {view.words.image if count == 1 else view.words.images}",
        "side": str(other.case.laterality or ""),
        "state": _STATES[other.state],
        "own": _own(review.final if review is not None else None),
        "address": address_of_case(other.case.id),
        "pictures": [
            # Of a volume the B-scan in the middle.
            image_address(other.case.id, position, PictureSize.THUMBNAIL, None if volumes else 0)
            for position in range(min(count, _THUMBNAILS))
        ],
        "more": max(count - _THUMBNAILS, 0),
    }


def _when(other: StoredCase, case: StoredCase) -> str:
    """The date, and how far apart the visits are where both are known."""
    date = f"{other.received_at:%d %B %Y}"
    if other.visit is None or case.visit is None:
        return date
    days = other.visit - case.visit
    if days == 0:
        return f"{date}, same day"
    apart = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"{date}, {apart} {'later' if days > 0 else 'before'}"


def _own(final: FinalRead | None) -> str:
    if final is None:
        return ""
    named = ", ".join(condition_name(one) for one in final.read.conditions)
    return f"{named}, {URGENCIES[final.read.urgency].lower()}"
