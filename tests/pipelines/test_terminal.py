"""Names and cells from outside on the terminal: shown as text, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.cli.console import say, summarise
from pipelines.terminal.progress_bars import progress_bars
from pipelines.terminal.tables import plain_table
from tests.data.make import make_content, make_rows, write_clinic, write_csv
from tests.pipelines.command import Command

HOSTILE = "a\x1b[31m\nforged: all is well\u202egnp.\x07\x9b"
SHOWN = r"a\x1b[31m\nforged: all is well\u202egnp.\x07\x9b"


def is_plain(text: str) -> bool:
    """Whether a terminal shows all of a text as it is."""
    return all(line.isprintable() for line in text.split("\n"))


def clinic(folder: Path, rows: list[dict[str, str]]) -> tuple[Path, Path]:
    """Spec and root of a clinic with such a table."""
    spec = folder / "spec.yaml"
    spec.write_text(json.dumps(make_content()))  # JSON is YAML
    root = write_clinic(folder / "root")
    write_csv(root / "rows.csv", rows)
    return spec, root


def test_lines_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    table = plain_table(f"{HOSTILE}\ntwo lines", (HOSTILE, "[red]b[/red]"), [(HOSTILE, ":smile:")])
    say(False, {}, f"read {HOSTILE} [bold]x[/bold]", table)
    shown = capsys.readouterr().out
    assert is_plain(shown)
    assert f"read {SHOWN} [bold]x[/bold]" in shown
    assert "[red]b[/red]" in shown
    assert ":smile:" in shown


def test_progress_bars(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as report:
        report(f"{HOSTILE} [red]", 1, 1)
    assert r"a\x1b[31m\nforged" in capsys.readouterr().err.replace("\n", "")


def test_problems_of_a_table(triage: Command, tmp_path: Path) -> None:
    rows = make_rows()
    rows[0]["image"] = rows[1]["image"] = HOSTILE
    rows[2]["condition"] = HOSTILE
    spec, root = clinic(tmp_path, rows)
    answer = triage("spec", "validate", spec, "--root", root)
    assert answer.code == 2
    assert is_plain(answer.err)
    assert answer.out == ""
    listed = answer.err.splitlines()
    assert f"  - image: {SHOWN} is listed twice" in listed
    assert any(line.startswith(r"  - condition: 'a\x1b[31m\nforged") for line in listed)
    assert not any(line.startswith("forged") for line in listed)
    found = triage("spec", "validate", spec, "--root", root, "--json")
    assert is_plain(found.out)
    assert f"image: {HOSTILE} is listed twice" in found.json["problems"]


def test_a_column_and_a_file_of_such_a_name(triage: Command, tmp_path: Path) -> None:
    rows = [{"image": "a.png", HOSTILE: "x"}]
    spec, root = clinic(tmp_path, rows)
    answer = triage("spec", "validate", spec, "--root", root)
    assert is_plain(answer.err)
    assert r"there are ['image', 'a\x1b[31m\nforged" in answer.err
    named = triage("spec", "validate", f"{tmp_path}/{HOSTILE}.yaml")
    assert named.code == 2
    assert is_plain(named.err)
    assert f"{SHOWN}.yaml: there is no such data spec" in named.err


def test_a_file_that_is_inspected(triage: Command, tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE}.jpg"
    path.write_bytes(b"no picture")
    answer = triage("inspect", path)
    assert answer.code == 3
    assert is_plain(answer.out)
    assert answer.out.startswith(f"{SHOWN}.jpg: ")
    assert is_plain(triage("inspect", path, "--json").out)


@pytest.mark.parametrize(
    "arguments",
    [
        (HOSTILE,),
        ("spec", HOSTILE),
        ("inspect", f"--{HOSTILE}"),
        ("ui", HOSTILE),
        ("train", "--head", HOSTILE),
        ("ui", "--port", HOSTILE),
    ],
)
def test_arguments_that_are_refused(triage: Command, arguments: tuple[str, ...]) -> None:
    answer = triage(*arguments)
    assert answer.code == 2
    assert answer.err
    assert is_plain(answer.err)


def test_names_that_no_encoding_takes(triage: Command, tmp_path: Path) -> None:
    answer = triage("inspect", tmp_path / "\udcff.png")
    assert answer.code == 3
    assert answer.out.startswith(r"\udcff.png: ")


def test_summarise() -> None:
    assert summarise(["a", "b", "c"], shown=2) == ["a", "b", "... and 1 more"]
    assert summarise(["a", "b"], shown=2) == ["a", "b"]
    assert summarise([]) == []
