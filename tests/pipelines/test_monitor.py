"""The verbs of monitoring on a case database."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.people import PASSWORD, add_administrator, cheap_hashing
from tests.monitoring.stream_maker import BEGIN, DayOfCases, add_days, make_bundle
from tests.pipelines.command import Command
from tests.pipelines.typed_input import pipe
from tests.store.make import bundle as bundle_record
from tests.store.migrated import migrated_url
from triage.accounts import SYSTEM_ACTOR, Role, passwords
from triage.accounts.accounts import add_account, disable_account
from triage.monitoring.monitoring_result import MonitoringResult
from triage.monitoring.plan_file import load_monitoring_plan
from triage.store import events, open_store, register_bundle
from triage.store.bundles import set_champion
from triage.vocabulary.event_types import EventType
from triage.vocabulary.monitoring import ChartKind, ChartVerdict

TO = "2025-01-25"
"""The last day of the baseline: the twentieth."""


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[str]:
    """Twenty days of 60 cases, and six days with the same rates."""
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        add_days(store, make_bundle(store), [DayOfCases(range(26), per_day=60)])
        store.close()
        yield url


def more(url: str, *parts: DayOfCases, seed: int = 7) -> None:
    store = open_store(url)
    add_days(store, 1, parts, seed=seed)
    store.close()


def with_people(url: str) -> None:
    store = open_store(url)
    ada = add_administrator(store).actor
    for name, role in (
        ("Gus", Role.GOVERNANCE), ("Eve", Role.ENGINEER), ("Rhea", Role.READER),
        ("Gone", Role.GOVERNANCE),
    ):  # fmt: skip
        add_account(store, name, role, by=ada, password=PASSWORD)
    disable_account(store, "Gone", by=ada)
    store.close()


def made(triage: Command, db: str, *options: str) -> None:
    seen = triage("monitor", "plan", "--db", db, "--to", TO, "--columns", "age", "--set", *options)
    assert seen.code == 0, seen.err


def test_a_plan_is_made_from_the_baseline_and_says_on_how_many_cases_it_rests(
    triage: Command, db: str, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    seen = triage("monitor", "plan", "--db", db, "--to", TO, "--axes", "site,skin_type", "--out",
                  file, "--set", "--json")  # fmt: skip
    assert seen.code == 0
    assert seen.json["baseline_cases"] == 20 * 60
    plan = load_monitoring_plan(file)
    assert seen.json["plan_sha256"] == plan.sha256()
    assert plan.start is not None
    assert plan.start.isoformat() == "2025-01-26T00:00:00+00:00"
    (rate,) = [one for one in plan.rates if one.stream == (ChartKind.OOD_RATE, "", "", "")]
    assert rate.n_cases == 1200
    assert rate.estimate is not None
    assert rate.estimate < rate.p0 < 0.03
    assert any("override_rate" in note for note in seen.json["notes"])  # nobody decided anything
    store = open_store(db)
    with store.reading() as session:
        kinds = [one.kind for one in events(session)]
    store.close()
    assert kinds.count(EventType.MONITORING_PLANNED) == 1
    first = triage("monitor", "plan", "--db", db, "--cases", "700", "--from", "2025-01-08", "--out",
                   file, "--json")  # fmt: skip
    assert first.json["baseline_cases"] == 700
    assert load_monitoring_plan(file).baseline.begin == BEGIN.replace(day=8)  # type: ignore[union-attr]


def test_a_small_baseline_gives_a_plan_without_rates(
    triage: Command, db: str, tmp_path: Path
) -> None:
    seen = triage("monitor", "plan", "--db", db, "--cases", "40", "--out", tmp_path / "plan.yaml")
    assert seen.code == 5
    assert "ood_rate: not enough evidence: 40 baseline cases" in seen.out
    run = triage("monitor", "run", "--db", db, "--plan", tmp_path / "plan.yaml", "--out",
                 tmp_path / "out", "--json")  # fmt: skip
    result = MonitoringResult.model_validate_json(run.out)
    rates = {one.verdict for one in result.charts if one.chart is ChartKind.OOD_RATE}
    assert rates == {ChartVerdict.NOT_ENOUGH}


def test_a_run_prints_its_result_and_its_exit_code_follows_the_alarms(
    triage: Command, db: str, tmp_path: Path
) -> None:
    made(triage, db, "--axes", "")
    out = tmp_path / "out"
    quiet = triage("monitor", "run", "--db", db, "--out", out, "--json")
    assert quiet.code == 0
    result = MonitoringResult.model_validate_json(quiet.out)
    assert result.alarms == ()
    assert result.n_cases == 6 * 60
    assert MonitoringResult.model_validate_json((out / "monitoring.json").read_bytes()) == result
    assert {"monitoring.html", "charts.csv", "alarms.csv"} <= {one.name for one in out.iterdir()}
    more(db, DayOfCases(range(26, 32), per_day=60, ood=0.3))
    loud = triage("monitor", "run", "--db", db, "--out", out)
    assert loud.code == 4
    assert "new alarms" in loud.out
    assert "written to" in loud.out
    assert triage("monitor", "run", "--db", db, "--out", out, "--json").code == 4
    listed = triage("monitor", "alarms", "--db", db, "--json").json["alarms"]
    assert {one["chart"] for one in listed} >= {"ood_rate", "abstention_rate"}
    for one in listed:
        number = str(one["id"])
        refused = triage("monitor", "close", number, "--reason", "acted_on", "--comment", "x",
                         "--db", db)  # fmt: skip
        assert refused.code == 2
        assert "has no owner" in refused.err
        assert triage("monitor", "assign", number, "--to", "Gus", "--db", db).code == 0
        closed = triage("monitor", "close", number, "--reason", "expected_change", "--comment",
                        "Another camera.", "--db", db, "--json")  # fmt: skip
        assert closed.json == {
            "alarm": one["id"], "state": "closed", "reason": "expected_change"
        }  # fmt: skip
    assert triage("monitor", "run", "--db", db, "--out", out, "--json").code == 0
    assert "closed" in triage("monitor", "alarms", "--db", db).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan",), "Give --out FILE, --set or both"),
        (("plan", "--set", "--to", "yesterday"), "--to"),
        (("plan", "--set", "--axes", "sit"), "no case of the baseline has a group 'sit'"),
        (("plan", "--set", "--axes", "sit"), "Did you mean 'site'?"),
        (("plan", "--set", "--from", "2030-01-01"), "no case was scored by the bundle in use"),
        (("plan", "--set", "--spec", "none.yaml"), "none.yaml"),
        (("plan", "--out", "/proc/none/plan.yaml"), "cannot be written"),
        (("run", "--out", "{out}"), "has no plan of monitoring"),
        (("run", "--out", "{out}", "--plan", "none.yaml"), "monitoring plan"),
        (("run", "--out", "{out}", "--since", "1.1.2025"), "--since"),
        (("run", "--out", "{out}", "--every", "0"), "--every"),
        (("assign", "7", "--to", "Gus"), "There is no such alarm."),
        (("assign", "7", "--to", " "), "no name of a person"),
        (("close", "7", "--reason", "acted_on", "--comment", "x"), "There is no such alarm."),
        (("close", "7", "--reason", "acted", "--comment", "x"), "Did you mean acted_on?"),
        (("close", "7", "--reason", "acted_on", "--comment", " "), "the comment is empty"),
    ],
)
def test_refusals_are_one_line(
    triage: Command, db: str, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = [one.format(out=tmp_path / "out") for one in arguments]
    seen = triage("monitor", *given, "--db", db)
    assert seen.code == (5 if "no case was scored" in said else 2)
    assert said in seen.err.replace("\n", " ")


def test_a_reference_of_another_bundle_and_a_database_without_a_bundle(
    triage: Command, db: str, tmp_path: Path
) -> None:
    made(triage, db)
    (tmp_path / "reference.json").write_text("{}")
    seen = triage("monitor", "run", "--db", db, "--out", tmp_path / "out", "--reference",
                  tmp_path / "reference.json")  # fmt: skip
    assert seen.code == 2
    assert "is not a monitoring reference" in seen.err
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    open_store(empty, create=True).close()
    for verb in (("plan", "--set"), ("run", "--out", str(tmp_path / "out"))):
        seen = triage("monitor", *verb, "--db", empty)
        assert seen.code == 2
        assert "no system is in use" in seen.err
    store = open_store(db)
    with store.transaction() as session:
        set_champion(session, register_bundle(session, bundle_record("e" * 64)))
    store.close()
    seen = triage("monitor", "run", "--db", db, "--out", tmp_path / "out")
    assert seen.code == 2
    assert "a new bundle needs a new plan" in seen.err


def test_who_may_do_what(
    triage: Command, db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more(db, DayOfCases(range(26, 32), per_day=60, ood=0.3))
    with_people(db)
    out = str(tmp_path / "out")

    def act(name: str | None, *verb: str) -> tuple[int, str]:
        pipe(monkeypatch, PASSWORD)
        by = () if name is None else ("--as", name, "--password-stdin")
        seen = triage("monitor", *verb, "--db", db, *by, "--json")
        return seen.code, seen.err

    plan = ("plan", "--to", TO, "--columns", "", "--axes", "", "--set")
    close = ("close", "1", "--reason", "acted_on", "--comment", "Seen.")
    for name in (None, "Rhea", "Ada"):
        for verb in (plan, ("run", "--out", out), ("alarms",), close):
            code, said = act(name, *verb)
            assert code == 2, (name, verb, said)
            assert "has accounts" in said or "needs the permission" in said
    assert act("Eve", *plan)[0] == 0
    assert act("Eve", "run", "--out", out)[0] == 4
    assert act("Eve", "assign", "1", "--to", "Gus")[0] == 2
    assert act("Eve", *close)[0] == 2
    assert "there is no account 'Nobody'" in act("Gus", "assign", "1", "--to", "Nobody")[1]
    assert "is disabled" in act("Gus", "assign", "1", "--to", "Gone")[1]
    assert act("Gus", "assign", "1", "--to", "rhea")[0] == 0
    assert act("Gus", *close)[0] == 0
    store = open_store(db)
    with store.reading() as session:
        told = [(one.kind, one.actor) for one in events(session)]
        owners = [
            one.payload["owner"] for one in events(session) if one.kind == EventType.ALARM_ASSIGNED
        ]
    store.close()
    assert (EventType.MONITORED, "Eve") in told
    assert (EventType.ALARM_CLOSED, "Gus") in told
    assert owners == ["Rhea"]
    assert SYSTEM_ACTOR.name not in {
        actor for kind, actor in told if kind in (EventType.MONITORING_PLANNED, EventType.MONITORED)
    }


def test_a_run_repeats_until_it_is_stopped(
    triage: Command, db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(triage, db)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("pipelines.cli.repeat.time.sleep", wait)
    seen = triage("monitor", "run", "--db", db, "--out", tmp_path / "out", "--every", "1", "--json")
    assert seen.code == 0
    assert len(waits) == 2
    lines = seen.out.splitlines()
    assert len(lines) == 2
    assert lines[0] == lines[1]
