"""The commands of the quickstart, as they stand on the page, on a small generated clinic."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.pages import blocks, text_of
from tests.pipelines.command import Answer, Command, stored
from tests.readers import lock, states
from tests.tiny import TinyBundle
from triage.accounts import LOCAL_ACTOR
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import ExitCode
from triage.phantoms.skin import write_phantoms
from triage.store import open_store
from triage.store.tables import Case

READ = 12
"""Cases that one reader reads before the retraining."""
FASTER = {"train": ("--members", "1")}
"""What the test adds to a command."""


NOT_RUN = {"ui", "registry", "select"}
"""Commands of the page that wait for a browser or need accounts, and have tests of their own."""


def all_commands() -> list[list[str]]:
    """Arguments of every `triage` command on the page, in order."""
    lines = [line for block in blocks(text_of("quickstart"), "bash") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("triage ")]


def commands() -> list[list[str]]:
    """Those that the test runs."""
    return [words for words in all_commands() if words[0] not in NOT_RUN]


def names_of(spec: DataSpec, role: str) -> list[str]:
    return [condition.name for condition in spec.conditions if condition.role == role]


def write_clinic(folder: Path) -> dict[str, str]:
    """What the page says you have; returns the condition of each new case."""
    (folder / "clinic.yaml").write_text(blocks(text_of("quickstart"), "yaml")[0], encoding="utf-8")
    shutil.copy(shipped_spec("retrain_policy"), folder / "gate.yaml")
    ours, drawn = load_spec(folder / "clinic.yaml"), load_spec(shipped_spec("derm_phantoms"))
    # Generated conditions under the names on the page, as many as the page has.
    renamed = {
        one: other
        for role in ("inlier", "auto")
        for one, other in zip(names_of(drawn, role), names_of(ours, role), strict=False)
    }
    write_phantoms(folder / "photos", 180, 0, size=32, rare_fraction=0.4)
    write_phantoms(folder / "incoming", 30, 0, size=32, labelled=False, start=50_000)
    write_table(folder / "photos", folder / "table.csv", renamed)
    write_table(folder / "incoming", folder / "new.csv", None)
    with (folder / "incoming" / "truth.csv").open(newline="", encoding="utf-8") as stream:
        truth = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    return {case: renamed[name] for case, name in truth.items() if name in renamed}


def write_table(folder: Path, table: Path, renamed: dict[str, str] | None) -> None:
    """The table of a folder of phantoms, with the columns of the page."""
    header = ["image", "diagnosis", "case_id", "patient_id", "age", "skin_type"]
    assert ",".join(header) in text_of("quickstart")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            if renamed is None or row["condition"] in renamed:
                diagnosis = "" if renamed is None else renamed[row["condition"]]
                image = f"{folder.name}/{row['image']}"
                writer.writerow({**row, "image": image, "diagnosis": diagnosis})


def read_blind(database: str, truth: dict[str, str], classes: set[str]) -> None:
    """Step 7 without the pages: blind first reads of cases that may train."""
    store = open_store(database)
    with store.reading() as session:
        cases = dict(session.execute(select(Case.external_id, Case.id)).all())
    readable = [case for case in cases if truth.get(case) in classes][:READ]
    assert len(readable) == READ
    for case in readable:
        lock(store, cases[case], LOCAL_ACTOR.name, **states(truth[case]))
    store.close()


def test_the_page_says_which_commands_are_not_run_as_they_stand() -> None:
    introduction = text_of("quickstart").split("\n## ")[0]
    named = {words.split()[1] for words in re.findall(r"`(triage [a-z ]+)`", introduction)}
    assert named == NOT_RUN | FASTER.keys()
    assert {words[0] for words in all_commands()} == {words[0] for words in commands()} | NOT_RUN


def test_every_command_runs(
    triage: Command, tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_clinic(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))

    def run(words: list[str]) -> Answer:
        return triage(*words, *FASTER.get(words[0], ()))

    spec = load_spec(tmp_path / "clinic.yaml")
    done = []
    for words in commands():
        if words[0] == "retrain":
            without = run(words)
            assert without.code == ExitCode.NOT_ENOUGH_EVIDENCE, without.err
            assert "0 usable labels from reviews" in without.err
            database = words[words.index("--db") + 1]
            read_blind(database, truth, {*names_of(spec, "inlier")})
        answer = run(words)
        if words[0] == "retrain":
            # Whether it is better is chance; that it was trained and judged is not.
            assert answer.code in (
                ExitCode.DONE, ExitCode.ANSWERED_NO, ExitCode.NOT_ENOUGH_EVIDENCE,
            ), answer.err  # fmt: skip
            assert f"reviewed cases trained on: {READ} (blind {READ})" in answer.out
        else:
            assert answer.code == ExitCode.DONE, (words, answer.err)
        done.append(words[0])
    assert done == [
        "spec", "train", "evaluate", "score", "retrain", "report",
        "ledger", "audit", "audit", "audit",
    ]  # fmt: skip
    for name in (
        "evaluation/evaluation.json", "scored.parquet", "report/report.html", "audit/report.pdf",
    ):  # fmt: skip
        assert (tmp_path / name).is_file()


def test_a_grown_manifest_stores_no_case_twice(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, database: str, tmp_path: Path
) -> None:
    """As step 6 says."""
    whole = inbox.read_text(encoding="utf-8").splitlines(keepends=True)
    score = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "scored.parquet", "--db", database,
    )  # fmt: skip
    for rows, expected in ((2, 1), (len(whole), 5), (len(whole), 5)):
        inbox.write_text("".join(whole[:rows]), encoding="utf-8")
        assert triage(*score).code == 0
        assert stored(database)[0] == expected
