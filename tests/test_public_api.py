"""`import triage`: names when they are used, types for checkers, and documentation that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import shutil
import warnings
from pathlib import Path

import pytest

import triage
from tests.pages import DOCS, blocks

ROOT = Path(__file__).parents[1]
RELEASE = ROOT / "tests" / "releases" / "559e418"
MODULES = (
    "triage",
    "triage.auditing.audit",
    "triage.auditing.frame_columns",
    "triage.data.cell_text",
    "triage.scores",
)
"""Public modules with examples in their docstrings."""


def test_every_public_name_is_there_and_listed() -> None:
    assert {*triage.__all__} <= {*dir(triage)}
    for name in triage.__all__:
        assert getattr(triage, name) is not None
    assert inspect.isfunction(triage.audit)
    assert inspect.isfunction(triage.load)
    assert inspect.ismodule(triage.scores)
    assert issubclass(triage.errors.UsageError, triage.errors.TriageError)


def test_functions_stay_functions_once_their_modules_are_imported() -> None:
    importlib.import_module("triage.auditing.audit")
    importlib.import_module("triage.auditing.run")
    importlib.import_module("triage.intake.loaded_system")
    assert inspect.isfunction(triage.audit)
    assert inspect.isfunction(triage.load)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="'triage' has no attribute 'adit'"):
        triage.adit  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "triage" / "py.typed").is_file()


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All code blocks of the page, one after another in one namespace, as a reader runs them."""
    shutil.copytree(RELEASE / "bundle_photographs", tmp_path / "bundle")
    shutil.copytree(RELEASE / "photographs", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    found = list(blocks((DOCS / "api.md").read_text(encoding="utf-8"), "python"))
    assert len(found) > 5
    names: dict[str, object] = {"__name__": "page"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for number, block in enumerate(found):
            exec(compile(block, f"api.md, block {number}", "exec"), names)
    assert capsys.readouterr().out.strip()


def test_the_page_names_every_score() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    absent = [name for name in triage.scores.SCORES if f"`{name}`" not in text]
    assert absent == []
    assert [name for name in triage.scores.NOT_AVAILABLE if f"`{name}`" not in text] == []


def test_the_page_names_every_argument_of_audit() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    names = set(inspect.signature(triage.audit).parameters) - {"frame"}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
