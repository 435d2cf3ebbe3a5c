"""What one reader does again and again: cases from the first read to the decision, and more."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tests.soak.sent_steps import PanelClient, Record
from triage.accounts import Actor
from triage.review import (
    RUBRICS,
    ReaderView,
    StepRefused,
    adjudication_view,
    adjudications_waiting,
    next_case,
    open_case,
    open_second_read,
    reveal,
    second_reads_waiting,
    taken_up,
)
from triage.store import Store
from triage.vocabulary.modality import Modality

_RUBRIC = {feature.key: "no" for feature in RUBRICS[Modality.PHOTOGRAPHS]}
_URGENCIES = ("urgent", "urgent", "urgent", "semi_urgent", "routine")
_OTHER = ("stale_version", "already_given", "wrong_state", "not_open")


class ReaderWork:
    """One reader at work; run in a thread of its own.

    Parameters
    ----------
    store : Store
        On which pages are opened and opinions shown, as a run of the page does it.
    client : PanelClient
    actor : Actor
    others : sequence of str
        Names of the other readers.
    record : Record
    seed : int
    """

    def __init__(
        self,
        store: Store,
        client: PanelClient,
        actor: Actor,
        others: tuple[str, ...],
        record: Record,
        seed: int,
    ) -> None:
        self._store = store
        self._client = client
        self._actor = actor
        self._others = others
        self._record = record
        self._draw = random.Random(seed)
        self._pool = ThreadPoolExecutor(2)

    def work_until(self, stop: threading.Event) -> None:
        """Take up one piece of work after another."""
        kinds: tuple[Callable[[], None], ...] = (self._read, self._second_read, self._adjudicate)
        try:
            while not stop.is_set():
                (work,) = self._draw.choices(kinds, (6, 3, 2))
                try:
                    work()
                except StepRefused:  # another reader was there first
                    stop.wait(0.01)
        finally:
            self._pool.shutdown()
            self._client.close()

    # A reading

    def _read(self) -> None:
        number = next_case(self._store, self._actor, datetime.now(UTC), rng=self._draw)
        if number is None:
            return
        view = open_case(self._store, number, self._actor)
        if view.final is not None:
            return
        if view.first is None:
            self._keep_draft(number, f"first-{view.id}")
            if self._draw.random() < 0.12:
                self._leave(number, view)
                return
            body = {"version": view.version, **self._answers()}
            self._twice_at_times(number, "first-read", body)
        if self._draw.random() < 0.05:
            self._leave(number, self._current(number))
            return
        if not view.without_ai:
            reveal(self._store, number, self._actor)
        self._decide(number)
        if self._draw.random() < 0.15:
            self._undo(number)

    def _decide(self, number: int) -> None:
        view = self._current(number)
        self._keep_draft(number, f"final-{view.id}")
        body = {**self._answers(), "reason": "R3"}
        if self._draw.random() < 0.1 and view.version > 0:
            self._stale(number, "decision", {**body, "version": view.version - 1})
        marker = self._marker()
        sent = {**body, "version": view.version, "comment": marker}
        if self._twice_at_times(number, "decision", sent, marker):
            self._dropped(number)

    def _undo(self, number: int) -> None:
        view = self._current(number)
        if self._twice_at_times(number, "undo", {"version": view.version}):
            with self._record.lock:  # the server keeps what was decided as a draft
                self._record.drafts.pop((number, self._actor.name), None)
            if self._draw.random() < 0.8:
                self._decide(number)

    def _leave(self, number: int, view: ReaderView) -> None:
        marker, given = self._marker(), {"version": view.version}
        step = self._draw.choice(("skip", "skip", "hand-over", "cannot-grade"))
        body: dict[str, Any] = {"reason": marker}
        if step == "hand-over":
            body, marker = {"to": self._draw.choice(self._others)}, ""
        elif step == "cannot-grade":
            body["next_action"] = "Retake the images"
        self._twice_at_times(number, step, given | body, marker)

    def _current(self, number: int) -> ReaderView:
        view = taken_up(self._store, number, self._actor)
        assert view is not None, "the case was opened"
        return view

    # Other reads

    def _second_read(self) -> None:
        waiting = second_reads_waiting(self._store, self._actor)
        if not waiting:
            return
        number = self._draw.choice(waiting).case_id
        view = open_second_read(self._store, number, self._actor)
        if view.given is not None:
            return
        self._keep_draft(number, f"second-{number}")
        marker = self._marker()
        body = {"version": view.version, **self._answers(), "comment": marker}
        if self._twice_at_times(number, "second-read", body, marker):
            self._dropped(number)

    def _adjudicate(self) -> None:
        waiting = adjudications_waiting(self._store, self._actor)
        if not waiting:
            return
        number = self._draw.choice(waiting).case_id
        view = adjudication_view(self._store, number, self._actor)
        marker = self._marker()
        body = {"version": view.version, **self._answers(), "comment": marker, "rubric": _RUBRIC}
        if self._twice_at_times(number, "adjudication", body, marker):
            self._dropped(number)

    # Sending

    def _answers(self) -> dict[str, Any]:
        return {
            "conditions": [self._draw.choice(("melanoma", "melanoma", "acne"))],
            "urgency": self._draw.choice(_URGENCIES),
            "certainty": "sure",
        }

    def _twice_at_times(
        self, number: int, step: str, body: Mapping[str, Any], marker: str = ""
    ) -> bool:
        """Send a step, at times twice at once or again afterwards; return whether it was taken."""
        chance = self._draw.random()
        if chance < 0.15:
            both = [self._pool.submit(self._client.send, number, step, body, marker)
                    for _ in range(2)]  # fmt: skip
            answers = [one.result() for one in both]
        else:
            answers = [self._client.send(number, step, body, marker)]
            if chance < 0.3:
                answers.append(self._client.send(number, step, body, marker))
        taken = {"done" in answer for answer in answers}
        if len(taken) > 1:
            codes = [answer.get("refused", {}).get("code") for answer in answers]
            self._record.fault(f"{step} sent twice was answered in two ways: {codes}")
        return True in taken

    def _stale(self, number: int, step: str, body: Mapping[str, Any]) -> None:
        marker = self._marker()
        answer = self._client.send(number, step, {**body, "comment": marker}, marker)
        if answer.get("refused", {}).get("code") not in _OTHER:
            self._record.fault(f"{step} of an old version was answered by {answer}")

    def _keep_draft(self, number: int, form: str) -> None:
        if self._draw.random() < 0.5:
            return
        content = {"form": form, "answers": {"comment": self._marker()}}
        if "done" in self._client.send(number, "draft", content):
            with self._record.lock:
                self._record.drafts[number, self._actor.name] = content

    def _dropped(self, number: int) -> None:
        with self._record.lock:
            self._record.drafts[number, self._actor.name] = None

    @staticmethod
    def _marker() -> str:
        return f"mark-{uuid.uuid4().hex}"
