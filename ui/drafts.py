"""What a reader had answered when a step was refused, kept on the server and shown again."""

from __future__ import annotations

from triage.accounts import Actor
from triage.review.drafts import draft_of, save_draft
from triage.review.refusals import StepRefused
from triage.store import Store
from ui.read_form import Answers


def keep_draft(store: Store, case_id: int, actor: Actor, form: str, answers: Answers) -> bool:
    """Keep what was answered in a form, and return whether it could be kept."""
    try:
        save_draft(store, case_id, actor, {"form": form, "answers": answers.as_json()})
    except StepRefused:
        return False  # the refusal of the step itself says what is wrong with the text
    return True


def draft_answers(store: Store, case_id: int, actor: Actor, form: str) -> Answers | None:
    """Return what was kept of a form, or None."""
    content = draft_of(store, case_id, actor)
    if content is None or content.get("form") != form:
        return None
    return Answers.from_json(content.get("answers"))
