from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.accounts.people import PASSWORD, add_administrator, cheap_hashing
from tests.pipelines.command import Command
from tests.pipelines.typed_input import pipe
from tests.review.reviewed import Reviewed, put
from tests.store.make import case
from tests.store.migrated import migrated_url
from triage.accounts import Role, passwords
from triage.accounts.accounts import add_account
from triage.ledger.events.review_events import PolicySet
from triage.review.policies import site_policies
from triage.store import Store, add_case, events, open_store
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[str]:
    with migrated_url("sqlite", tmp_path) as url:
        yield url


def opened(url: str) -> Store:
    return open_store(url)


def with_case(url: str) -> None:
    store = opened(url)
    with store.transaction() as session:
        add_case(session, case())
    store.close()


def sets(url: str) -> list[tuple[str, str]]:
    """Who set the policy of which site."""
    store = opened(url)
    with store.reading() as session:
        found = [
            (one.actor, str(one.payload["site"]))
            for one in events(session)
            if one.kind == PolicySet.kind
        ]
    store.close()
    return found


def test_what_is_not_given_stays(triage: Command, db: str, tmp_path: Path) -> None:
    with_case(db)
    first = triage("policy", "set", "--site", "clinic", "--mode", "concurrent",
                   "--priority-hidden", "--random-share", "0.2", "--db", db, "--json")  # fmt: skip
    assert first.code == 0
    assert first.json["cases"] == 1
    file = tmp_path / "policy.yaml"
    file.write_text(
        "dwell_seconds: 5\nsecond_reads:\n  rounds: 2\n  subgroups:\n    skin_type: [V, VI]\n"
    )
    again = triage("policy", "set", "--site", "clinic", "--file", file, "--rounds", "3",
                   "--db", db)  # fmt: skip
    assert again.code == 0
    assert "skin_type V, VI" in again.out
    store = opened(db)
    policy = site_policies(store)["clinic"]
    store.close()
    assert (policy.mode, policy.priority_visible) == (ReadingMode.CONCURRENT, False)
    assert (policy.dwell_seconds, policy.second_reads.rounds) == (5, 3)
    assert policy.second_reads.random_share == 0.2
    assert policy.second_reads.subgroups == {"skin_type": ("V", "VI")}
    assert sets(db) == [("system", "clinic")] * 2
    shown = triage("policy", "show", "--db", db, "--json").json["sites"]
    assert shown == {"clinic": {"own": True, "policy": policy.model_dump(mode="json")}}


def test_deadlines_and_the_random_share(triage: Command, db: str, tmp_path: Path) -> None:
    with_case(db)
    options = ("--urgent-days", "0.5", "--random-next-share", "0.3")
    seen = triage("policy", "set", "--site", "clinic", *options, "--db", db)
    assert "days to the decision: urgent 0.5, semi-urgent 7, routine 28, observation 90" in seen.out
    assert "30% of the cases handed out next are drawn at random" in seen.out
    file = tmp_path / "policy.yaml"
    file.write_text("deadlines:\n  routine: P14D\n")
    assert triage("policy", "set", "--site", "clinic", "--file", file, "--db", db).code == 0
    store = opened(db)
    deadlines = site_policies(store)["clinic"].deadlines
    store.close()
    assert (deadlines.urgent, deadlines.routine) == (timedelta(hours=12), timedelta(days=14))


def test_sites_without_a_policy_have_the_defaults(triage: Command, db: str) -> None:
    assert triage("policy", "show", "--db", db).out == "there is no case and no policy\n"
    with_case(db)
    seen = triage("policy", "show", "--db", db)
    assert "clinic (defaults):" in seen.out
    assert "mode blind, 10% of the cases without AI, priority hidden" in seen.out
    other = triage("policy", "show", "--site", "elsewhere", "--db", db, "--json").json["sites"]
    assert other["elsewhere"]["own"] is False


def test_a_site_without_cases_is_pointed_out(triage: Command, db: str) -> None:
    seen = triage("policy", "set", "--site", "clinik", "--mode", "blind", "--db", db)
    assert seen.code == 0
    assert "no case has come from this site yet" in seen.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing is to be set"),
        (("--ai-off-share", "0.05"), "ai_off_share"),
        (("--ai-off-share", "nan"), "ai_off_share"),
        (("--dwell-seconds", "-1"), "dwell_seconds"),
        (("--rounds", "9"), "second_reads.rounds"),
        (("--random-next-share", "1.1"), "random_next_share"),
        (("--urgent-days", "0"), "deadlines.urgent"),
        (("--urgent-days", "nan"), "deadlines.urgent"),
        (("--urgent-days", "inf"), "deadlines.urgent"),
        (("--urgent-days", "1e300"), "deadlines.urgent"),
        (("--urgent-days", "8"), "more urgent class"),
        (("--mode", "blnd"), "Did you mean blind?"),
        (("--file", "nowhere.yaml"), "there is no such review policy"),
    ],
)
def test_refusals_change_nothing(
    triage: Command, db: str, options: tuple[str, ...], said: str
) -> None:
    seen = triage("policy", "set", "--site", "clinic", *options, "--db", db)
    assert seen.code == 2
    assert said in seen.err
    assert sets(db) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mode: blind\nmode: ai_off\n", "is not YAML"),
        ("mood: blind\n", "Did you mean mode?"),
        ("second_reads:\n  rownds: 2\n", "Did you mean second_reads.rounds?"),
        ("[1, 2]\n", "is not a mapping"),
        ("mode: !!python/object/apply:os.system [ls]\n", "is not YAML"),
    ],
)
def test_files_that_are_no_policy(
    triage: Command, db: str, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    seen = triage("policy", "set", "--site", "clinic", "--file", file, "--db", db)
    assert seen.code == 2
    assert said.replace("second_reads.", "") in seen.err
    assert sets(db) == []


@pytest.mark.parametrize("site", ["", "  ", "x" * 201, "a\x00b", "a\nb"])
def test_what_is_no_name_of_a_site(triage: Command, db: str, site: str) -> None:
    seen = triage("policy", "set", "--site", site, "--mode", "blind", "--db", db)
    assert seen.code == 2
    assert "no name of a site" in seen.err
    assert sets(db) == []


@pytest.fixture
def people(db: str) -> str:
    """One account of each role, named like it."""
    store = opened(db)
    administrator = add_administrator(store)
    for role in Role:
        add_account(store, role.value, role, by=administrator, password=PASSWORD)
    store.close()
    return db


@pytest.mark.parametrize("verb", [("policy", "set", "--site", "s", "--mode", "blind"),
                                  ("review-figures",)])  # fmt: skip
def test_once_there_are_accounts_only_governance_may(
    triage: Command, people: str, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    assert triage(*verb, "--db", people).code == 2
    codes = {}
    for role in Role:
        pipe(monkeypatch, PASSWORD)
        seen = triage(*verb, "--db", people, "--as", role.value, "--password-stdin", "--json")
        codes[role] = seen.code
    assert {role for role, code in codes.items() if code == 0} == {Role.GOVERNANCE}
    assert {*codes.values()} == {0, 2}
    assert sets(people) == ([("governance", "s")] if verb[0] == "policy" else [])


def test_figures_are_printed(triage: Command, db: str) -> None:
    empty = triage("review-figures", "--db", db)
    assert empty.code == 0
    assert "not enough" in empty.out
    store = opened(db)
    melanoma, mild = ("melanoma", Urgency.URGENT), ("acne", Urgency.ROUTINE)
    with store.transaction() as session:
        for number in range(3):
            put(session, f"c{number}", Reviewed(
                advice=melanoma, first=mild, decision=melanoma, second=melanoma,
                histology="melanoma", seconds=(20, 10)))  # fmt: skip
    store.close()
    seen = triage("review-figures", "--db", db)
    assert seen.out.startswith("3 cases opened, 3 decided\n")
    assert "100.0 % [29.2, 100.0]" in seen.out
    value = triage("review-figures", "--db", db, "--json").json
    assert value["format"] == "triage-review-figures-1"
    assert value["switches"]["conditions"]["helpful"]["count"] == 3
    assert value["active_time"]["blind"]["before"]["median"] == 20
