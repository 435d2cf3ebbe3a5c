"""`triage audit compare` as a user meets it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.pipelines.command import Command
from tests.review.reviewed import Reviewed, put
from tests.store.make import bundle
from tests.store.migrated import migrated_url
from triage.ledger.keys import make_key
from triage.reports.archive import make_archive
from triage.reports.comparison_report import ComparisonReport
from triage.reports.verify_report import verify
from triage.store import events, open_store, register_bundle
from triage.store.bundles import set_champion
from triage.store.tables import Case
from triage.vocabulary.clinical import Urgency

PLAN = ("--label", "y", "--probabilities", "mel=p_mel,nv=p_nv", "--patient", "patient",
        "--case", "case", "--groups", "sex", "--limit", "accuracy>=0.9", "--replicates", "100",
        "--system", "Example 1.0")  # fmt: skip
N = 120


def write_table(path: Path, wrong: np.ndarray) -> Path:
    """Cases of which some are named wrongly, one a patient; half in the first half-year."""
    truth = np.arange(N) % 2
    p = np.random.default_rng(0).uniform(0.6, 0.9, N).round(3)
    p = np.where((truth == 0) ^ wrong, p, 1 - p)
    days = np.where(np.arange(N) < N // 2, "2025-02-01", "2025-08-01")
    pd.DataFrame(
        {
            "case": [f"case {row}" for row in range(N)],
            "patient": [f"Jane Doe {row}" for row in range(N)],
            "y": np.where(truth == 0, "mel", "nv"), "p_mel": p, "p_nv": 1 - p,
            "sex": np.where(np.arange(N) % 3 == 0, "f", "m"), "day": days,
        }
    ).to_csv(path, index=False)  # fmt: skip
    return path


OLD_WRONG, NEW_WRONG = np.arange(N) % 4 == 0, np.arange(N) % 10 == 0


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write_table(tmp_path / "old.csv", OLD_WRONG)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_table(tmp_path / "new.csv", NEW_WRONG)


@pytest.fixture
def plan(triage: Command, tmp_path: Path) -> Path:
    out = tmp_path / "plan.yaml"
    assert triage("audit", "plan", *PLAN, "--out", out).code == 0
    return out


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_two_systems_on_the_same_cases(
    triage: Command, plan: Path, old: Path, new: Path, tmp_path: Path
) -> None:
    verbs = ("audit", "compare", plan, "--predictions", old, "--against", new, "--out")
    done = triage(*verbs, tmp_path / "o", "--json")
    assert done.code == 0, done.err
    assert done.json["kind"] == "same cases"
    (change,) = (
        one
        for one in done.json["changes"]
        if (one["axis"], one["metric"]) == ("overall", "accuracy")
    )
    assert change["first"] == pytest.approx(1 - OLD_WRONG.mean())
    assert change["difference"] == pytest.approx(OLD_WRONG.mean() - NEW_WRONG.mean())
    assert change["only_first"] == (NEW_WRONG & ~OLD_WRONG).sum()
    assert change["only_second"] == (OLD_WRONG & ~NEW_WRONG).sum()
    files = files_of(tmp_path / "o")
    assert {*files} == {
        "comparison.html", "comparison.pdf", "comparison.json", "comparison.zip",
        "verify_report.py", "tables/changes.csv",
    }  # fmt: skip
    content = json.loads(files["comparison.json"])
    assert content["schema_version"] == "triage-audit-comparison-1"
    assert content["report_id"] == done.json["report"]
    assert content["first"] != content["second"]
    assert content["first"].startswith("Example 1.0, cases ")
    assert content["registration"]["kind"] == "lock file"
    rows = [*csv.DictReader(files["tables/changes.csv"].decode("utf-8-sig").splitlines())]
    assert len(rows) == len(content["changes"])
    assert files["comparison.pdf"].startswith(b"%PDF")
    assert not any(b"Jane" in each for each in files.values())
    assert triage(*verbs, tmp_path / "again").code == 0
    assert files_of(tmp_path / "again") == files


def test_a_signed_archive(
    triage: Command, plan: Path, old: Path, new: Path, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "key")
    assert triage("audit", "compare", plan, "--predictions", old, "--against", new, "--out",
                  tmp_path / "o", "--key", tmp_path / "key").code == 0  # fmt: skip
    archive = tmp_path / "o" / "comparison.zip"
    answer = triage("audit", "verify", archive, "--public-key", tmp_path / "key.pub", "--json")
    assert answer.code == 0, answer.out
    assert answer.json["kind"] == "comparison"
    files = files_of(tmp_path / "o")
    report = ComparisonReport.model_validate_json(files["comparison.json"])
    for name in ("comparison.zip", "verify_report.py"):
        del files[name]
    table = files["tables/changes.csv"].decode()
    files["tables/changes.csv"] = table.replace("overall,all,accuracy", "overall,all,x").encode()
    archive.write_bytes(make_archive(files, report, key))
    (problem,) = verify(archive, tmp_path / "key.pub")
    assert problem == "tables/changes.csv, row 1: metric differ from comparison.json"
    other = report.model_copy(update={"title": "Another"})
    files |= {"comparison.json": other.model_dump_json().encode()}
    files["tables/changes.csv"] = table.encode()
    archive.write_bytes(make_archive(files, report, key))
    assert verify(archive, tmp_path / "key.pub") == [
        "title in comparison.json is not that of the manifest"
    ]


def test_two_periods_of_one_table(triage: Command, old: Path, tmp_path: Path) -> None:
    plans = [tmp_path / f"{half}.yaml" for half in ("first", "second")]
    for path, days in zip(plans, ("2025-01-01..2025-06-30", "2025-07-01..2025-12-31"), strict=True):
        assert triage("audit", "plan", *PLAN, "--period", days, "--period-column", "day",
                      "--out", path).code == 0  # fmt: skip
    done = triage("audit", "compare", plans[0], "--predictions", old, "--against-plan", plans[1],
                  "--out", tmp_path / "o", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert (done.json["kind"], done.json["n_first"], done.json["n_second"]) == (
        "different cases", N // 2, N // 2,
    )  # fmt: skip
    assert done.json["first"] == "Example 1.0, 2025-01-01 to 2025-06-30"
    content = json.loads((tmp_path / "o" / "comparison.json").read_text())
    assert content["excluded"] == {"outside the period": N // 2}


def test_a_summary_for_people(
    triage: Command, plan: Path, old: Path, new: Path, tmp_path: Path
) -> None:
    answer = triage("audit", "compare", plan, "--predictions", old, "--against", new, "--out",
                    tmp_path / "o")  # fmt: skip
    assert answer.code == 0
    assert "same cases: 120 and 120" in answer.out
    assert "Inlier accuracy" in answer.out
    assert "Brier" not in answer.out  # the plan has no limit for it
    assert "tables/ (1 file)" in answer.out
    assert "comparing" in answer.err


def test_what_cannot_be_compared_leaves_nothing_behind(
    triage: Command, plan: Path, old: Path, new: Path, tmp_path: Path
) -> None:
    out, audit = tmp_path / "o", tmp_path / "audit"
    audit.mkdir()
    (audit / "report.json").write_text("{}")
    for words, options in {
        "compared with itself": ("--predictions", old),
        "with itself.": ("--predictions", old, "--against", old),
        "no cases are named": ("--against", new),
        "there is no such table": ("--predictions", old, "--against", tmp_path / "absent.csv"),
        "The key cannot be read": ("--predictions", old, "--against", new, "--key", "absent"),
    }.items():
        answer = triage("audit", "compare", plan, *options, "--out", out)
        assert answer.code == 2, words
        assert words in answer.err
        assert not out.exists()
    answer = triage(
        "audit", "compare", plan, "--predictions", old, "--against", new, "--out", audit
    )
    assert answer.code == 2
    assert "is the folder of an audit" in answer.err
    assert [path.name for path in audit.iterdir()] == ["report.json"]


# The case database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """Twelve reviewed cases with histology in each of two half-years."""
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        with store.transaction() as session:
            for row in range(24):
                true = "melanoma" if row % 2 else "acne"
                put(session, f"case {row}", Reviewed(
                    advice=("melanoma", Urgency.URGENT), first=(true, Urgency.ROUTINE),
                    decision=(true, Urgency.ROUTINE), histology=true))  # fmt: skip
            for case in session.query(Case):
                month = 2 if case.id <= 12 else 8
                case.received_at = datetime(2025, month, 1, tzinfo=UTC)
            set_champion(session, register_bundle(session, bundle()))
        store.close()
        yield url


def test_two_periods_of_a_database(triage: Command, database: str, tmp_path: Path) -> None:
    plans = [tmp_path / "first.yaml", tmp_path / "second.yaml"]
    for path, days in zip(plans, ("2025-01-01..2025-06-30", "2025-07-01..2025-12-31"), strict=True):
        assert triage("audit", "plan", "--label", "y", "--predicted", "x", "--groups", "source",
                      "--limit", "accuracy>=0.5", "--period", days, "--db", database,
                      "--out", path).code == 0  # fmt: skip
    done = triage("audit", "compare", plans[0], "--against-plan", plans[1], "--db", database,
                  "--out", tmp_path / "o", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert (done.json["n_first"], done.json["n_second"]) == (12, 12)
    assert done.json["kind"] == "different cases"
    content = json.loads((tmp_path / "o" / "comparison.json").read_text())
    assert content["registration"]["kind"] == content["against"]["registration"]["kind"] == "ledger"
    assert yaml.safe_load(plans[0].read_text())["bundle"] == content["facts"]["bundle"]
    store = open_store(database)
    with store.reading() as session:
        kinds = [one.kind for one in events(session) if one.kind.startswith("audit_")]
    store.close()
    assert kinds == ["audit_planned"] * 2 + ["audit_run"] * 2
