"""Without the optional dependencies the core is imported and scores; what needs one names it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest

import triage
from triage.errors import MissingExtraError
from triage.extras import EXTRAS, install_hint, is_installed, missing_modules, require_extra
from triage.phantoms.skin import write_phantoms
from triage.predictions import Predictions

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "tests" / "releases" / "559e418"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = sorted({module for modules in EXTRAS.values() for module in modules})
REFUSED = (*OPTIONAL, "pylibjpeg", "eyepy", "oct_converter", "imagecodecs")
"""What no part of the core may import: the extras, and what only the tests use."""

BLOCKER = f"""
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {REFUSED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture
def without_extras(tmp_path: Path) -> Path:
    """A folder that holds the project, and from which no process imports an extra.

    Decoder processes are started with the folder of the package as their only path.
    """
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("triage", "pipelines", "ui", "data_specs"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    (folder / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    return folder


def python(folder: Path, code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


VERB = "from pipelines.cli import main; main()"


def verb(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = python(folder, VERB, *arguments)
    assert "Traceback" not in done.stdout + done.stderr
    return done


# The metadata


def requirement_names(lines: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", line).group().lower() for line in lines}  # type: ignore[union-attr]


def test_every_extra_of_the_source_is_one_of_the_package() -> None:
    assert set(EXTRAS) <= set(PROJECT["optional-dependencies"])
    assert {"all", "dev", "docs", "weights"} <= set(PROJECT["optional-dependencies"])


def test_extras_install_the_modules_they_are_said_to() -> None:
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        listed = requirement_names(PROJECT["optional-dependencies"][extra])
        if "triage" in listed:
            listed |= requirement_names(PROJECT["optional-dependencies"]["dicom"])
        for module in modules:
            brought = {name.lower().replace("_", "-") for name in distributions[module]}
            assert brought & listed, (extra, module)


def test_no_extra_is_among_the_dependencies_of_the_core() -> None:
    core = requirement_names(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    for extra in ("ui", "dicom", "postgres", "docs", "dev"):
        assert not core & requirement_names(extras[extra]), extra


def test_the_version_is_written_once() -> None:
    assert "version" in PROJECT["dynamic"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert not re.search(r"^version:", citation, re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+", triage.__version__)


def test_types_are_announced() -> None:
    assert (ROOT / "triage" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


# The functions


def test_an_installed_extra_is_not_refused() -> None:
    assert all(is_installed(module) for module in OPTIONAL)
    assert missing_modules("ui") == ()
    require_extra("ui", "The reviewer's pages")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "ui", ("streamlit", "no_such_module_here"))
    assert missing_modules("ui") == ("no_such_module_here",)
    with pytest.raises(MissingExtraError, match=r"without no_such_module_here.*\.\[ui\]"):
        require_extra("ui", "The reviewer's pages")


# The core without extras


def test_the_extras_are_refused_in_the_process(without_extras: Path) -> None:
    code = "from triage.extras import *; print(*missing_modules('ui'), *missing_modules('dicom'))"
    done = python(without_extras, code)
    assert done.stdout.split() == [*EXTRAS["ui"], *EXTRAS["dicom"]], done.stderr


NEEDS_EXTRA = (
    "triage.codecs.jpeg_by_gdcm",
    "triage.engine.ray_worker",
    "triage.imaging.dicom.",
    "triage.oct_imaging.dicom_",
    "triage.phantoms.oct.dicom",
)
"""Modules that are imported where a DICOM file is read or written, or by Ray's workers, only."""

IMPORT_ALL = """
import importlib, pkgutil, sys
import triage, pipelines

for package in (triage, pipelines):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if ".migrations" in module.name or module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(module.name, error.name)
"""


def test_every_other_module_is_imported_without_extras(without_extras: Path) -> None:
    done = python(without_extras, IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    failed = dict(line.split() for line in done.stdout.splitlines())
    assert failed, "no module needs an extra: is it refused at all?"
    assert [name for name in failed if not name.startswith(NEEDS_EXTRA)] == []
    assert {name.split(".")[0] for name in failed.values()} <= set(REFUSED)


def test_photographs_are_scored_without_extras(without_extras: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.parquet"
    done = verb(
        without_extras, "score", "--bundle", RELEASE / "bundle_photographs",
        "--manifest", RELEASE / "photographs" / "manifest.csv", "--root", RELEASE / "photographs",
        "--out", out, "--db", f"sqlite:///{tmp_path / 'cases.db'}",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr  # one picture of the release is unreadable
    found = Predictions.load(out)
    before = Predictions.load(RELEASE / "predictions_photographs.parquet")
    assert list(found.cases["case_id"]) == list(before.cases["case_id"])
    np.testing.assert_allclose(found.probabilities, before.probabilities, atol=2e-2)


def test_a_dicom_file_is_rejected_with_the_extra_that_reads_it(
    without_extras: Path,
) -> None:
    path = RELEASE / "volumes" / "volumes" / "oct-a-000000.dcm"
    done = verb(without_extras, "inspect", path, "--json")
    (file,) = json.loads(done.stdout)["files"]
    assert file["reason"] == "unsupported_encoding"
    assert install_hint("oct") in file["message"]


def test_the_rest_of_a_batch_with_dicom_files_is_scored(
    without_extras: Path, tmp_path: Path
) -> None:
    out = tmp_path / "oct.parquet"
    done = verb(
        without_extras, "score", "--bundle", RELEASE / "bundle_oct", "--out", out,
        "--manifest", RELEASE / "volumes" / "manifest.csv", "--root", RELEASE / "volumes",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    rejected = Path(f"{out}.rejected.csv").read_text(encoding="utf-8")
    assert "unsupported_encoding" in rejected
    assert "[oct]" in rejected
    assert len(Predictions.load(out).cases) == 1  # the volume that is not a DICOM file


def test_pages_demo_and_database_name_their_extra(without_extras: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'cases.db'}"
    for arguments, extra in (
        (("ui", "--db", database), "ui"),
        (("demo", "--workdir", str(tmp_path / "work")), "ui"),
        (("db", "check", "--db", "postgresql://user@localhost/cases"), "postgres"),
    ):
        done = verb(without_extras, *arguments)
        assert done.returncode == 2, done.stderr
        assert install_hint(extra) in done.stderr, done.stderr
    assert not (tmp_path / "work").exists(), "refused before anything is trained"


def test_generated_photographs_need_no_extra_and_volumes_name_theirs(
    without_extras: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from triage.errors import MissingExtraError\n"
        "from triage.phantoms.skin import write_phantoms\n"
        "from triage.phantoms.oct import write_oct_phantoms\n"
        "print(write_phantoms.__name__)\n"
        "try:\n    write_oct_phantoms(Path(sys.argv[1]), 1, 0)\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = python(without_extras, code, tmp_path / "oct")
    name, message = done.stdout.splitlines()
    assert name == write_phantoms.__name__
    assert install_hint("oct") in message
    assert not (tmp_path / "oct").exists()
