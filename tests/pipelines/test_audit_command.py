"""`triage audit plan` and `triage audit run` as a user meets them."""

from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.accounts.people import ADMINISTRATOR, PASSWORD, add_administrator, cheap_hashing
from tests.pipelines.command import Command
from tests.pipelines.typed_input import pipe
from tests.review.reviewed import Reviewed, put
from tests.store.make import bundle
from tests.store.migrated import migrated_url
from triage.accounts import Role, passwords
from triage.accounts.accounts import add_account
from triage.ledger.keys import make_key
from triage.reports import report_folder as module
from triage.store import events, open_store, register_bundle
from triage.store.bundles import set_champion
from triage.vocabulary.clinical import Urgency

PLAN = ("--label", "y", "--probabilities", "mel=p_mel,nv=p_nv", "--patient", "patient",
        "--groups", "sex", "--replicates", "100")  # fmt: skip


def table(n: int = 120) -> pd.DataFrame:
    """Cases of which one in six is named wrongly, all of these of one group."""
    rng = np.random.default_rng(0)
    truth = np.arange(n) % 2
    wrong = np.arange(n) % 6 == 0
    p = rng.uniform(0.6, 0.9, n)
    p = np.where((truth == 0) ^ wrong, p, 1 - p).round(3)
    return pd.DataFrame(
        {
            "case": [f"case {row}" for row in range(n)],
            "patient": [f"Jane Doe {row // 2}" for row in range(n)],
            "y": np.where(truth == 0, "mel", "nv"),
            "p_mel": p,
            "p_nv": 1 - p,
            "sex": np.where(np.arange(n) % 3 == 0, "f", "m"),
            "age": rng.integers(20, 80, n),
        }
    )


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def planned(triage: Command, predictions: Path, tmp_path: Path) -> Path:
    out = tmp_path / "plan.yaml"
    limits = ("--limit", "accuracy>=0.9", "--limit", "groups: accuracy>=0.6")
    answer = triage("audit", "plan", *PLAN, *limits, "--predictions", predictions, "--out", out)
    assert answer.code == 0, answer.err
    return out


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a report; what an interrupted run goes on from is none."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".partial" not in path.parts
    }


def test_a_plan_and_its_lock(triage: Command, planned: Path) -> None:
    content = yaml.safe_load(planned.read_text())
    assert content["columns"]["probabilities"] == {"mel": "p_mel", "nv": "p_nv"}
    assert [one["metric"] for one in content["limits"]] == ["accuracy", "accuracy"]
    assert content["intervals"]["replicates"] == 100
    assert planned.read_text().startswith("# Plan of an audit")
    lock = json.loads(planned.with_suffix(".lock").read_text())
    assert lock["locked_at"] == content["created_at"].replace("Z", "+00:00")


def test_a_run_writes_the_report(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    answer = triage("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o",
                    "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    report = json.loads((tmp_path / "o" / "report.json").read_text())
    assert report["report_id"] == answer.json["report"]
    assert report["findings"] == answer.json["findings"]
    overall = next(one for one in report["estimates"] if one["metric"] == "accuracy")
    assert overall["axis"] == "overall"
    assert overall["value"] == pytest.approx(5 / 6)
    assert report["registration"]["kind"] == "lock file"
    assert report["registration"]["sentence"].startswith("not registered in a ledger")
    assert report["deviations"] == []
    assert "Jane" not in (tmp_path / "o" / "report.json").read_text()
    assert not (tmp_path / "o" / ".partial").exists()


def test_the_same_run_gives_the_same_bytes(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        assert triage("audit", "run", planned, "--predictions", predictions, "--out",
                      tmp_path / name).code == 0  # fmt: skip
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    first = contents(tmp_path / "a")
    assert triage("audit", "run", planned, "--predictions", predictions, "--out",
                  tmp_path / "a").code == 0  # fmt: skip
    assert contents(tmp_path / "a") == first


def test_fail_on(triage: Command, planned: Path, predictions: Path, tmp_path: Path) -> None:
    verbs = ("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o")
    answer = triage(*verbs, "--json")
    verdicts = answer.json["verdicts"]
    assert answer.code == 0
    assert verdicts["fails"] > 0
    assert triage(*verbs, "--fail-on", "fails").code == 4
    expected = 4 if verdicts["not enough evidence"] else 0
    assert triage(*verbs, "--fail-on", "not-enough").code == expected
    assert triage(*verbs, "--fail-on", "fail").code == 2


def test_a_list_of_attachments(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    incidents, risk = tmp_path / "incidents.csv", tmp_path / "risk, signed.csv"
    incidents.write_text("id,date,description,severity,status\nI1,2026-01-02,fell,low,open\n")
    risk.write_text("id,hazard,harm,severity,probability,control,residual_risk\nR1,a,b,c,d,e,f\n")
    run = ("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o")
    assert triage(*run, "--attach", f"{incidents},{incidents}").code == 0
    done = triage(*run, "--attach", incidents, "--attach", risk)
    assert done.code == 0, done.err
    attached = json.loads((tmp_path / "o" / "report.json").read_text())["attachments"]
    assert [each["kind"] for each in attached] == ["incidents", "risk"]
    answer = triage(*run, "--attach", f"{incidents},{tmp_path / 'none.csv'}")
    assert answer.code == 2
    assert "none.csv: there is no such attachment" in answer.err


def test_a_summary_for_people(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    answer = triage("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o")
    assert "All cases" in answer.out
    assert "verdicts: " in answer.out
    assert "120 cases, 120 labelled, 60 patients" in answer.out
    assert "not registered in a ledger" in answer.out
    assert "Jane" not in answer.out + answer.err
    assert f"{tmp_path / 'o'}: report.html, " in answer.out
    for stage in ("reading cases (MiB)", "measuring groups", "analyses"):
        assert stage in answer.err


def test_an_interrupted_run_goes_on(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    @contextmanager
    def stopping_bars(quiet: bool = False) -> Iterator[Any]:
        def report(stage: str, done: int, total: int) -> None:
            if stage == "analyses":
                raise KeyboardInterrupt

        yield report

    def verbs(name: str) -> tuple[Any, ...]:
        return ("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / name)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.terminal.progress_bars.progress_bars", stopping_bars)
        stopped = triage(*verbs("o"))
    assert stopped.code == 130
    assert "the same command goes on from here" in stopped.err
    assert contents(tmp_path / "o") == {}
    assert triage(*verbs("whole")).code == 0
    with monkeypatch.context() as patch:

        def measured(*given: Any) -> Any:
            raise AssertionError("measured again")

        patch.setattr("triage.auditing.engine.audit_tasks.measure_scope", measured)
        assert triage(*verbs("o")).code == 0
    assert contents(tmp_path / "o") == contents(tmp_path / "whole")
    assert not (tmp_path / "o" / ".partial").exists()


def test_a_plan_changed_after_its_lock_is_a_deviation(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    planned.write_text(planned.read_text().replace("at_least: 0.9", "at_least: 0.5"))
    answer = triage("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o",
                    "--json")  # fmt: skip
    assert answer.code == 0
    (deviation,) = answer.json["deviations"]
    assert deviation.startswith("The plan was changed after it was locked")
    assert "the lock file is of another plan" in answer.json["registered"]


def test_a_changed_plan_that_is_registered_is_no_deviation(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    content = yaml.safe_load(planned.read_text())
    content["title"] = "another title"
    planned.write_text(yaml.safe_dump(content))
    said = triage("audit", "register", planned, "--json").json
    assert said["registered"] == "not registered in a ledger; locked in plan.lock"
    done = triage("audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o",
                  "--json").json  # fmt: skip
    assert done["plan_sha256"] == said["plan_sha256"]
    assert done["deviations"] == []
    assert "locked in a file, not signed" in done["registered"]


def test_a_signed_lock(triage: Command, predictions: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    out = tmp_path / "plan.yaml"
    assert triage("audit", "plan", *PLAN, "--key", tmp_path / "key", "--out", out).code == 0
    answer = triage("audit", "run", out, "--predictions", predictions, "--out", tmp_path / "o",
                    "--json")  # fmt: skip
    assert f"signed with the key {key.id}" in answer.json["registered"]
    out.with_suffix(".lock").unlink()
    again = triage("audit", "run", out, "--predictions", predictions, "--out", tmp_path / "o",
                   "--json")  # fmt: skip
    assert again.json["registered"] == "not registered in a ledger"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "neither a data spec nor a column of labels"),
        (("--label", "y"), "no columns of probabilities"),
        (("--label", "y", "--probabilities", "mel=p_mel"), "one class only"),
        (("--label", "y", "--probabilities", "mel=p_mel,mel=p_nv"), "given twice"),
        ((*PLAN, "--limit", "acuracy>=0.8"), "Did you mean accuracy?"),
        ((*PLAN, "--limit", "accuracy<=0.8"), "write accuracy>=0.8"),
        ((*PLAN, "--urgencies", "mel=urgnt"), "Did you mean urgent?"),
        ((*PLAN, "--bands", "age=0,30"), "'age' is no group"),
        ((*PLAN, "--bands", "sex=30"), "states no bands"),
        ((*PLAN, "--bands", "sex=30,10"), "bands must increase"),
        ((*PLAN, "--groups", "sex*a*b"), "does not cross two groups"),
        ((*PLAN, "--period", "2025"), "is no period"),
        ((*PLAN, "--period", "2025-02-01..2025-01-01"), "ends before it begins"),
        ((*PLAN, "--period-column", "day"), "without --period"),
        ((*PLAN, "--prevalence", "2"), "less than 1"),
        ((*PLAN, "--replicates", "5"), "greater than or equal to 100"),
        ((*PLAN, "--groups", "sexx"), "Did you mean 'sex'?"),
        (("--spec", "absent.yaml"), "there is no such data spec"),
        ((*PLAN, "--key", "absent.key"), "The key cannot be read"),
        ((*PLAN, "--out", "plan.lock"), "is the name of a lock"),
    ],
)
def test_what_is_no_plan(
    triage: Command, predictions: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "made" / "plan.yaml"
    answer = triage("audit", "plan", "--out", out, "--predictions", predictions, *options)
    assert answer.code == 2
    assert words in answer.err
    assert not out.parent.exists()
    assert not Path("plan.lock").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": "mel"}, "one class only"),
        ({"case": "c"}, ""),
        ({"p_mel": 0.7}, "do not sum to one"),
        ({"patient": ""}, "has no value in case 1"),
    ],
)
def test_bad_data_leave_nothing_behind(
    triage: Command, planned: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "bad.csv"
    table().assign(**change).to_csv(path, index=False)
    out = tmp_path / "o"
    answer = triage("audit", "run", planned, "--predictions", path, "--out", out)
    if words:
        assert answer.code == 2
        assert words in answer.err
        assert not out.exists()
    else:  # a column that the plan does not name
        assert answer.code == 0


def test_a_run_without_cases(triage: Command, planned: Path, tmp_path: Path) -> None:
    answer = triage("audit", "run", planned, "--out", tmp_path / "o")
    assert answer.code == 2
    assert "--predictions FILE or --db URL" in answer.err


def test_a_place_that_cannot_be_written(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    answer = triage("audit", "run", planned, "--predictions", predictions, "--out", planned)
    assert answer.code == 2
    assert "is a file, not a folder" in answer.err
    answer = triage("audit", "run", planned, "--predictions", predictions, "--out", planned / "o")
    assert answer.code == 2
    assert "cannot be written (Not a directory)" in answer.err


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_limit_on_files(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path
) -> None:
    with largest_file(4096):
        answer = triage(
            "audit", "run", planned, "--predictions", predictions, "--out", tmp_path / "o"
        )
    assert answer.code == 2
    assert "the disk is full, and nothing was kept half-written" in answer.err
    assert not any(path.name.startswith("report") for path in tmp_path.rglob("*"))


def test_a_full_disk_leaves_the_former_report(
    triage: Command, planned: Path, predictions: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out = tmp_path / "o"
    verbs = ("audit", "run", planned, "--predictions", predictions, "--out", out)
    assert triage(*verbs).code == 0
    former = contents(out)
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    answer = triage(*verbs)
    assert answer.code == 2
    assert "the disk is full" in answer.err
    assert contents(out) == former


# The case database


@pytest.fixture(params=["sqlite"])
def database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Twelve reviewed cases with histology, of the system in use."""
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)
    with migrated_url(request.param, tmp_path) as url:
        store = open_store(url)
        with store.transaction() as session:
            for row in range(12):
                true = "melanoma" if row % 2 else "acne"
                put(session, f"case {row}", Reviewed(
                    advice=("melanoma", Urgency.URGENT), first=(true, Urgency.ROUTINE),
                    decision=(true, Urgency.ROUTINE), histology=true))  # fmt: skip
            set_champion(session, register_bundle(session, bundle()))
        store.close()
        yield url


SPEC = """
name: clinic
title: Clinic
licence: none
source: none
rows: {manifest: t.csv, case: case}
outlier_prevalence: 0.1
conditions:
- {name: melanoma, role: inlier, risk: high, urgency: urgent, source: our default}
- {name: acne, role: inlier, risk: low, urgency: routine, source: our default}
- {name: folliculitis, role: inlier, risk: low, urgency: routine, source: our default}
- {name: wart, role: outlier_train, risk: low, urgency: routine, source: our default}
subgroups:
- {column: skin_type}
- {column: age, bands: [0, 40, 80]}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.yaml"
    path.write_text(SPEC)
    return path


def kinds(url: str) -> list[tuple[str, str]]:
    store = open_store(url)
    with store.reading() as session:
        found = [(one.actor, one.kind) for one in events(session) if one.kind.startswith("audit_")]
    store.close()
    return found


def ledger_findings(triage: Command, url: str) -> list[str]:
    """What verification finds in the made-up records of the fixture, and in what came after."""
    said = triage("ledger", "verify", "--db", url).out
    return [line for line in said.splitlines() if "finding:" in line]


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_a_plan_in_the_ledger_and_its_run(
    triage: Command, database: str, spec: Path, tmp_path: Path
) -> None:
    out, plan = tmp_path / "o", tmp_path / "plan.yaml"
    before = ledger_findings(triage, database)
    answer = triage("audit", "plan", "--spec", spec, "--db", database, "--out", plan,
                    "--replicates", "100", "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.json["registered"].startswith("registered in the ledger as event")
    assert answer.json["axes"] == ["skin_type", "age", "source", "risk", "urgency"]
    assert not plan.with_suffix(".lock").exists()
    assert yaml.safe_load(plan.read_text())["bundle"] == "d" * 64
    done = triage("audit", "run", plan, "--db", database, "--out", out, "--json")
    assert done.code == 0, done.err
    report = json.loads((out / "report.json").read_text())
    assert report["registration"]["kind"] == "ledger"
    assert report["registration"]["sequence"] > 0
    assert len(report["registration"]["head"]) == 64
    assert report["system"]["bundle"] == "d" * 64
    assert report["n_cases"] == 12
    assert not any("changed" in one for one in report["deviations"])
    assert kinds(database) == [("system", "audit_planned"), ("system", "audit_run")]
    assert ledger_findings(triage, database) == before
    again = triage("audit", "run", plan, "--db", database, "--out", tmp_path / "p", "--json")
    assert again.json["report"] == done.json["report"]
    assert contents(tmp_path / "p") == contents(out)


def test_a_plan_changed_after_it_was_registered(
    triage: Command, database: str, spec: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    assert triage("audit", "plan", "--spec", spec, "--db", database, "--out", plan,
                  "--replicates", "100").code == 0  # fmt: skip
    plan.write_text(plan.read_text().replace("at_least: 0.7", "at_least: 0.2"))
    done = triage("audit", "run", plan, "--db", database, "--out", tmp_path / "o", "--json")
    assert done.code == 0
    assert done.json["registered"] == "not registered in a ledger"
    assert done.json["deviations"][0].startswith("The plan was changed after it was registered")
    assert triage("audit", "register", plan, "--db", database).code == 0
    done = triage("audit", "run", plan, "--db", database, "--out", tmp_path / "o", "--json")
    assert done.json["registered"].startswith("registered in the ledger")


def test_a_table_with_a_plan_in_the_ledger(
    triage: Command, database: str, predictions: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    assert triage("audit", "plan", *PLAN, "--db", database, "--predictions", predictions,
                  "--out", plan).code == 0  # fmt: skip
    done = triage("audit", "run", plan, "--db", database, "--predictions", predictions,
                  "--out", tmp_path / "o", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["cases"] == 120
    assert done.json["registered"].startswith("registered in the ledger")


def test_with_accounts_only_governance_audits(
    triage: Command, database: str, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(database)
    add_administrator(store)
    for role in Role:
        add_account(store, role.value, role, by=ADMINISTRATOR, password=PASSWORD)
    store.close()
    plan = tmp_path / "plan.yaml"
    verbs = ("audit", "plan", "--spec", spec, "--db", database, "--out", plan,
             "--replicates", "100")  # fmt: skip
    answer = triage(*verbs)
    assert answer.code == 2
    assert "permission audit" in answer.err
    for role in (Role.READER, Role.ENGINEER, Role.ADMINISTRATOR):
        pipe(monkeypatch, PASSWORD)
        assert triage(*verbs, "--as", role.value, "--password-stdin").code == 2
    assert not plan.exists()
    pipe(monkeypatch, PASSWORD)
    assert triage(*verbs, "--as", "governance", "--password-stdin").code == 0
    run = ("audit", "run", plan, "--db", database, "--out", tmp_path / "o")
    assert triage(*run).code == 2
    assert not (tmp_path / "o").exists()
    pipe(monkeypatch, PASSWORD)
    assert triage(*run, "--as", "governance", "--password-stdin").code == 0
    assert kinds(database) == [("governance", "audit_planned"), ("governance", "audit_run")]
