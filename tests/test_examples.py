"""Every example runs, prints something, and is in the notebook of a user group as it is."""

from __future__ import annotations

import importlib.util
import json
import runpy
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "build_notebooks")


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_notebooks", FOLDER / "build_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILDER = builder()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_audit_finds_the_difference_that_was_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    names = runpy.run_path("audit_subgroups.py")
    difference = names["result"].difference().set_index(["group", "metric"])
    found = difference.loc["skin_type", "accuracy"]
    assert found["other_level"] == "5-6"
    assert found["low"] > 0


def test_every_example_is_in_a_notebook() -> None:
    named = {name for names in BUILDER.NOTEBOOKS.values() for name in names}
    assert named == {path.stem for path in EXAMPLES}
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {*BUILDER.NOTEBOOKS}


@pytest.mark.parametrize("name", BUILDER.NOTEBOOKS)
def test_a_notebook_is_up_to_date(name: str) -> None:
    written = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert written == BUILDER.notebook(name), "run: python examples/build_notebooks.py"


@pytest.mark.parametrize("name", BUILDER.NOTEBOOKS)
def test_a_notebook_holds_no_output_and_all_code(name: str) -> None:
    content = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    shown = "\n".join("".join(cell["source"]) for cell in code)
    for example in BUILDER.NOTEBOOKS[name]:
        source = (FOLDER / f"{example}.py").read_text(encoding="utf-8")
        statements = [
            line for line in source.splitlines()[1:] if line.strip() and line[0] not in "#"
        ]
        assert [line for line in statements if line not in shown] == []
