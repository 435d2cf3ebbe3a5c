"""`triage gate` on two tables alone, and with a database that counts uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gating.tables import pair
from tests.pipelines.command import Command
from triage.data.spec_files import shipped_spec
from triage.gating.result import GateResult
from triage.store import open_store

SPEC = shipped_spec("derm_phantoms")
POLICY = SPEC.with_name("retrain_policy.yaml")


@pytest.fixture
def arguments(tmp_path: Path) -> tuple[str, ...]:
    first, second = pair()
    first.to_csv(tmp_path / "champion.csv", index=False)
    second.to_parquet(tmp_path / "challenger.parquet")
    return (
        "gate", "--spec", str(SPEC), "--policy", str(POLICY),
        "--predictions-a", str(tmp_path / "champion.csv"),
        "--predictions-b", str(tmp_path / "challenger.parquet"),
    )  # fmt: skip


def test_it_passes(triage: Command, arguments: tuple[str, ...]) -> None:
    answer = triage(*arguments, "--json")
    assert answer.code == 0
    result = GateResult.model_validate_json(answer.out)
    assert result.verdict == "passes"
    assert result.better
    assert result.use is None


def test_one_line_a_check_for_people(triage: Command, arguments: tuple[str, ...]) -> None:
    result = GateResult.model_validate_json(triage(*arguments, "--json").out)
    answer = triage(*arguments)
    lines = answer.out.splitlines()
    assert len(lines) == len(result.checks) + len(result.notes) + 1
    assert lines[-1].startswith("passes: ")
    assert any(line.startswith("passes ") and "accuracy (sex: f)" in line for line in lines)
    assert any(line.startswith("not done ") and "latency" in line for line in lines)


def test_it_fails_the_other_way_round(triage: Command, arguments: tuple[str, ...]) -> None:
    champion, challenger = arguments[6], arguments[8]
    answer = triage(*arguments[:5], "--predictions-a", challenger, "--predictions-b", champion)
    assert answer.code == 4
    assert answer.out.splitlines()[0].startswith("fails ")
    assert answer.out.splitlines()[-1].startswith("fails: ")


def test_it_lacks_evidence_of_an_equal_one(triage: Command, arguments: tuple[str, ...]) -> None:
    answer = triage(
        *arguments[:5], "--predictions-a", arguments[6], "--predictions-b", arguments[6]
    )
    assert answer.code == 5
    assert "A person has to decide" in answer.out.splitlines()[-1]


def test_a_typo_is_told_before_the_tables_are_read(
    triage: Command, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("gate: {levle: 0.1, overall: {acuracy: 0.1}}\n")
    Path(arguments[6]).unlink()
    answer = triage(*arguments, "--policy", policy)
    assert answer.code == 2
    assert "Did you mean level?" in answer.err
    assert "Did you mean accuracy?" in answer.err


def test_different_cases(triage: Command, arguments: tuple[str, ...]) -> None:
    first, _ = pair()
    first.iloc[3:].to_csv(arguments[6], index=False)
    answer = triage(*arguments)
    assert answer.code == 2
    assert "3 of the challenger's 400" in answer.err
    assert "c0000" not in answer.err


def test_a_database_counts_the_uses(
    triage: Command, arguments: tuple[str, ...], database: str
) -> None:
    open_store(database, create=True).close()
    uses = []
    for _ in range(2):
        answer = triage(*arguments, "--db", database, "--json")
        assert answer.code == 0
        uses.append(json.loads(answer.out)["use"])
    assert uses == [1, 1]  # the same predictions have the same answer
