"""Steps as JSON: each of them, every refusal, and what is sent twice or by others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from tests.ui.make_accounts import session_for
from tests.ui.make_cases import SECRETS, SITE, fill
from tests.ui.panel import NOTHING_FOLLOWS, read
from tests.ui.served import ADDRESS, served
from triage.accounts import Actor, Role
from triage.accounts.accounts import find_account
from triage.accounts.sessions import revoke_sessions
from triage.review import (
    RUBRICS,
    adjudication_view,
    open_case,
    open_second_read,
    reveal,
    sign_off,
    taken_up,
)
from triage.review.drafts import draft_of
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.store import Store, events, open_store
from triage.store.tables import Case
from triage.vocabulary.modality import Modality
from triage.vocabulary.review_policies import SignatureMeaning
from ui.serving.step_routes import MOST_BYTES, STEPS

ANN, BEN = (Actor(name, Role.SENIOR_READER) for name in ("Ann", "Ben"))
RUBRIC = {feature.key: "no" for feature in RUBRICS[Modality.PHOTOGRAPHS]}


class Site:
    """A served database whose cases are numbered 1 to 4, and its readers' sessions."""

    def __init__(self, store: Store, client: TestClient) -> None:
        self.store = store
        self.client = client
        self.tokens = {name: session_for(store, name) for name in ("Ann", "Ben")}

    def post(
        self, step: str, number: int = 1, by: str = "Ann", version: int | None = -1, **body: Any
    ) -> httpx.Response:
        """Send a step at the version that the case has now, or another; None sends none."""
        if version == -1:
            version = self.version(number)
        sent = body if version is None else {"version": version, **body}
        return self.client.post(
            f"/api/cases/{number}/{step}",
            json=sent,
            headers={"origin": ADDRESS, "cookie": f"triage_session={self.tokens[by]}"},
        )

    def done(self, step: str, *given: Any, **body: Any) -> dict[str, Any]:
        answer = self.post(step, *given, **body)
        assert answer.status_code == 200, answer.text
        assert not any(secret in answer.text for secret in SECRETS)
        found: dict[str, Any] = answer.json()["done"]
        return found

    def refused(self, step: str, *given: Any, **body: Any) -> tuple[str, str | None]:
        """Send what is refused; return the code and the field to look at."""
        answer = self.post(step, *given, **body)
        assert answer.status_code >= 400
        assert not any(secret in answer.text for secret in SECRETS)
        content = answer.json()["refused"]
        assert set(content) == {"code", "message", "hint", "field"}
        assert content["message"]
        return content["code"], content["field"]

    def version(self, number: int = 1) -> int:
        with self.store.reading() as session:
            row = session.get(Case, number)
            assert row is not None
            return row.version

    def kinds(self, number: int = 1) -> list[str]:
        with self.store.reading() as session:
            return [event.kind for event in events(session, number)]

    def open(self, number: int = 1, by: Actor = ANN) -> None:
        open_case(self.store, number, by)

    def reveal(self, number: int = 1, **first: Any) -> None:
        self.open(number)
        self.done("first-read", number, **(first or read()))
        reveal(self.store, number, ANN)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    fill(folder)
    return folder


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[Site]:
    shutil.copy(template / "cases.db", tmp_path / "cases.db")
    store = open_store(f"sqlite:///{tmp_path / 'cases.db'}")
    with served(store, tmp_path) as client:
        yield Site(store, client)
    store.close()


# Steps


def test_a_reading_from_the_first_read_to_an_addendum(site: Site) -> None:
    site.open()
    assert site.done("first-read", **read("acne", "routine")) == {"version": site.version()}
    reveal(site.store, 1, ANN)
    assert site.refused("decision", **read()) == ("needs_reason", "reason")
    site.done("decision", **read(), reason="R1", comment="Seen now.")
    assert site.kinds()[-1] == "decision_made"
    site.done("undo")
    assert site.kinds()[-1] == "decision_undone"
    kept = draft_of(site.store, 1, ANN)
    assert kept is not None
    assert kept["answers"]["comment"] == "Seen now."
    site.done("decision", **read(), reason="R1")
    assert draft_of(site.store, 1, ANN) is None
    given = {"printed_name": "Dr Ann", "reauthenticated": True}
    assert not sign_off(site.store, ANN, [1], SignatureMeaning.AUTHORSHIP, **given).refused
    assert site.refused("addendum", text=" ") == ("needs_comment", "text")
    assert set(site.done("addendum", text="Biopsy taken.")) == {"addendum"}
    assert site.kinds()[-1] == "addendum_added"


def test_an_abstention_needs_its_follow_up(site: Site) -> None:
    site.reveal(2)
    assert site.refused("decision", 2, **read()) == ("needs_follow_up", "follow_up")
    wrong = {"kind": "later"}
    assert site.refused("decision", 2, **read(), follow_up=wrong) == (
        "needs_follow_up",
        "follow_up",
    )
    site.done("decision", 2, **read(), follow_up=NOTHING_FOLLOWS)
    view = taken_up(site.store, 2, ANN)
    assert view is not None
    assert view.final is not None
    assert view.final.follow_up == {**NOTHING_FOLLOWS, "by": None}


@pytest.mark.parametrize(
    ("step", "body", "kind"),
    [
        ("skip", {"reason": "tired"}, "case_skipped"),
        ("cannot-grade", {"reason": "blurred", "next_action": "Retake"}, "case_ungradable"),
        ("hand-over", {"to": "Ben"}, "case_handed_over"),
    ],
)
def test_a_case_is_left_once_however_often_it_is_sent(
    site: Site, step: str, body: dict[str, Any], kind: str
) -> None:
    site.open()
    version = site.version()
    for _ in range(3):
        site.done(step, version=version, **body)
    assert site.kinds().count(kind) == 1


def test_second_reads_and_adjudications(site: Site) -> None:
    policy = SitePolicy(dwell_seconds=0, second_reads=SecondReadPolicy(random_share=1.0))
    set_site_policy(site.store, SITE, policy, Actor("Gus", Role.GOVERNANCE))
    site.reveal()
    site.done("decision", **read())
    open_second_read(site.store, 1, BEN)
    for _ in range(2):
        site.done("second-read", by="Ben", **read("acne", "routine"), comment="Typical.")
    assert site.kinds()[-1] == "adjudication_opened"
    answer = read("acne", "routine")
    assert site.refused("adjudication", **answer, rubric={}) == ("bad_rubric", "rubric")
    for name in ("Ann", "Ben"):
        for _ in range(2):
            site.done("adjudication", by=name, **answer, rubric=RUBRIC, comment=name)
    assert site.kinds()[-1] == "adjudication_closed"
    assert len(adjudication_view(site.store, 1, ANN).complete) == 1


def test_drafts_and_activity(site: Site) -> None:
    site.open()
    done = site.done("draft", version=None, form="first-1", answers={"comment": "x"})
    assert set(done) == {"saved_at"}
    assert draft_of(site.store, 1, ANN) == {"form": "first-1", "answers": {"comment": "x"}}
    assert draft_of(site.store, 1, BEN) is None
    assert site.done("activity", version=None) == {}
    large = {"comment": "x" * 70_000}
    assert site.refused("draft", version=None, form="f", answers=large)[0] == "text_too_long"
    assert draft_of(site.store, 1, ANN) == {"form": "first-1", "answers": {"comment": "x"}}


# Refusals, and what is sent again


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"conditions": []}, "needs_condition", "conditions"),
        ({"conditions": ["acne", "melanoma"]}, "one_condition", "conditions"),
        ({"conditions": "acne"}, "needs_conditions", "conditions"),
        ({"conditions": ["x" * 501]}, "needs_conditions", "conditions"),
        ({"urgency": None}, "needs_urgency", "urgency"),
        ({"urgency": "soon"}, "needs_urgency", "urgency"),
        ({"certainty": ""}, "needs_certainty", "certainty"),
        ({"version": "new"}, "bad_request", None),
        ({"more": 1}, "bad_request", None),
    ],
)
def test_a_read_that_is_not_complete_names_the_field(
    site: Site, changes: dict[str, Any], code: str, field: str | None
) -> None:
    site.open()
    assert site.refused("first-read", **{**read(), **changes}) == (code, field)
    assert "first_read_locked" not in site.kinds()


def test_a_long_comment_is_refused_and_not_cut(site: Site) -> None:
    site.reveal()
    sent = site.post("decision", **read(), comment="x" * 10_001)
    assert sent.json()["refused"]["field"] == "comment"
    assert "10001 characters" in sent.json()["refused"]["message"]
    site.done("decision", **read(), comment="x" * 10_000)


def test_a_step_that_is_sent_again_is_done_once(site: Site) -> None:
    site.open()
    version = site.version()
    for _ in range(3):
        site.done("first-read", version=version, **read())
    reveal(site.store, 1, ANN)
    version = site.version()
    for _ in range(3):
        site.done("decision", version=version, **read())
    assert site.kinds().count("first_read_locked") == 1
    assert site.kinds().count("decision_made") == 1
    assert site.refused("decision", **read(certainty="guess")) == ("already_given", None)
    version = site.version()
    for _ in range(3):
        site.done("undo", version=version)
    assert site.kinds().count("decision_undone") == 1


def test_a_page_that_is_out_of_date_is_refused(site: Site) -> None:
    site.open()
    assert site.refused("first-read", version=0, **read()) == ("stale_version", None)
    site.reveal()
    assert site.refused("decision", version=1, **read()) == ("stale_version", None)
    assert site.kinds()[-1] == "ai_revealed"


def test_of_two_readers_one_gets_the_case(site: Site) -> None:
    site.open(by=ANN)
    assert site.refused("first-read", by="Ben", **read()) == ("in_work", None)
    site.done("first-read", **read())
    assert site.refused("decision", by="Ben", **read())[0] == "in_work"
    assert site.refused("skip", by="Ben", reason="mine")[0] == "in_work"
    assert site.kinds().count("first_read_locked") == 1


def test_before_the_first_read_nothing_can_be_decided(site: Site) -> None:
    site.open()
    assert site.refused("decision", **read())[0] == "wrong_state"
    assert site.refused("undo")[0] == "wrong_state"


def test_an_unknown_reader_or_case(site: Site) -> None:
    site.open()
    assert site.refused("hand-over", to="Nobody") == ("unknown_reader", "to")


@pytest.mark.parametrize("number", [0, 999, 2**31, 2**63, 10**40])
def test_a_case_that_is_not_there(site: Site, number: int) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "skip": {"version": 1, "reason": "x"},
        "undo": {"version": 1},
        "decision": {"version": 1, **read()},
        "activity": {"version": None},
        "draft": {"version": None, "form": "f", "answers": {}},
    }
    for step, body in bodies.items():
        assert site.refused(step, number, **body) == ("no_such_case", None), step


# Who may send what


def test_without_a_session_the_answer_says_so_as_json(site: Site) -> None:
    site.open()
    account = find_account(site.store, "Ann")
    revoke_sessions(site.store, account)
    answer = site.post("first-read", **read())
    assert answer.status_code == 401
    assert answer.json()["refused"]["code"] == "session_ended"
    assert "set-cookie" not in answer.headers
    assert "first_read_locked" not in site.kinds()
    site.tokens["Ann"] = session_for(site.store, "Ann")
    site.done("first-read", **read())


def test_a_page_of_who_was_signed_in_before_stores_nothing(site: Site) -> None:
    """Another tab of the browser has the cookie of whoever signed in last."""
    site.open(by=BEN)
    ann, ben = (find_account(site.store, name) for name in ("Ann", "Ben"))
    assert ann is not None
    assert ben is not None
    bodies: dict[str, dict[str, Any]] = {"draft": {"form": "f", "answers": {}}, "activity": {}}
    for step, body in bodies.items():
        answer = site.client.post(
            f"/api/cases/1/{step}",
            json=body,
            headers={
                "origin": ADDRESS,
                "cookie": f"triage_session={site.tokens['Ben']}",
                "x-triage-account": str(ann.id),
            },
        )
        assert answer.status_code == 401, step
        assert "Somebody else" in answer.json()["refused"]["message"]
    assert draft_of(site.store, 1, BEN) is None
    own = {"cookie": f"triage_session={site.tokens['Ben']}", "x-triage-account": str(ben.id)}
    answer = site.client.post("/api/cases/1/activity", json={}, headers=own)
    assert answer.status_code == 200


def test_a_role_that_reads_no_cases_is_refused(site: Site) -> None:
    site.open()
    site.tokens["Ada"] = session_for(site.store, "Ada Admin")
    for step in STEPS:
        bodies = {
            "draft": {"form": "f", "answers": {}},
            "activity": {},
            "skip": {"reason": "x"},
            "cannot-grade": {"reason": "x", "next_action": "y"},
            "hand-over": {"to": "Ben"},
            "undo": {},
            "addendum": {"text": "x"},
            "adjudication": {**read(), "rubric": RUBRIC},
        }
        version = None if step in ("draft", "activity") else site.version()
        answer = site.post(step, by="Ada", version=version, **bodies.get(step, read()))
        assert answer.status_code == 403, step
        assert answer.json()["refused"]["code"] == "not_permitted"
    assert site.kinds()[-1] == "case_opened"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_page_of_another_origin_is_refused(site: Site, headers: dict[str, str]) -> None:
    site.open()
    cookie = {"cookie": f"triage_session={site.tokens['Ann']}"}
    body = {"version": site.version(), **read()}
    answer = site.client.post("/api/cases/1/first-read", json=body, headers=headers | cookie)
    assert answer.status_code == 403
    assert "first_read_locked" not in site.kinds()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b'{"version": 1, "version": "\\ud800"}', "application/json", 422),
        (b"[1, 2]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"version=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b'{"a": "' + b"x" * MOST_BYTES + b'"}', "application/json", 413),
        (b"[" * 50_000, "application/json", 422),
    ],
)
def test_what_is_no_step_is_refused(site: Site, content: bytes, kind: str, status: int) -> None:
    headers = {"content-type": kind, "cookie": f"triage_session={site.tokens['Ann']}"}
    answer = site.client.post("/api/cases/1/decision", content=content, headers=headers)
    assert answer.status_code == status
    assert json.loads(answer.text)["refused"]["message"]
    assert answer.headers["cache-control"] == "no-store"


def test_steps_are_no_pages(site: Site) -> None:
    cookie = {"cookie": f"triage_session={site.tokens['Ann']}"}
    for path in ("1/decision", "1/unknown", "x/skip"):
        assert site.client.get(f"/api/cases/{path}", headers=cookie).status_code == 404
    without = site.client.get("/api/cases/1/decision")
    assert without.status_code == 401
    assert without.json()["refused"]["code"] == "session_ended"
