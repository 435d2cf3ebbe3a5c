"""The files around the code agree: workflow, hooks, templates, coverage, metadata."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))


def recipe(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1]


def test_the_workflow_runs_the_commands_of_the_local_run() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    local = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = re.findall(r"^make (\w+)$", local, re.MULTILINE)
    matrix = workflow["jobs"]["make"]["strategy"]["matrix"]["command"]
    assert {"check", "test"} <= {*commands} <= {*matrix}
    assert all(recipe(command) for command in matrix)
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_issue_templates_warn_against_patient_data(path: Path) -> None:
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= template.keys()
    first = template["body"][0]
    assert first["type"] == "markdown"
    assert "Do not attach or paste patient data" in first["attributes"]["value"]


def test_other_templates_warn_too() -> None:
    assert len(TEMPLATES) >= 2
    pull = (ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    assert "patient data" in pull
    chooser = (ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(chooser) == {"blank_issues_enabled": False}


def test_hooks_are_local_and_run_the_tools_of_the_check() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    programs = {Path(hook["entry"].split()[0]).name for hook in hooks}
    assert programs == set(re.findall(r"\$\(BIN\)/(\w+)", recipe("check")))


def test_coverage_is_measured_where_its_tests_are() -> None:
    covered = re.search(r"^COVERED := (.+)$", MAKEFILE.replace("\\\n", " "), re.MULTILINE)
    assert covered
    names = covered[1].split()
    assert [f"triage/{name}" for name in names] == PYPROJECT["tool"]["coverage"]["run"]["source"]
    assert all((ROOT / "triage" / name).is_dir() for name in names)
    assert all((ROOT / "tests" / name).is_dir() for name in names)


def test_coverage_in_the_readme_is_not_below_the_floor() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (number,) = re.findall(r"\*\*(\d+\.\d) %\*\* of", readme)
    floor = PYPROJECT["tool"]["coverage"]["report"]["fail_under"]
    assert float(number) >= floor >= 80


def test_metadata_names_files_that_exist() -> None:
    project = PYPROJECT["project"]
    assert (ROOT / project["readme"]).is_file()
    assert all((ROOT / name).is_file() for name in project["license-files"])
    assert {"authors", "classifiers", "keywords", "description", "license"} <= project.keys()
    assert "urls" not in project or all(url for url in project["urls"].values())


def test_the_citation_can_be_read() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == PYPROJECT["project"]["license"]
    assert {"message", "title", "authors"} <= citation.keys()


def test_the_changelog_begins_with_what_is_not_released() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert parts[0] == "[Unreleased]"
    dates = [re.fullmatch(r"\S+ - (\d{4}-\d\d-\d\d)", part) for part in parts[1:]]
    assert all(dates)
    assert [match[1] for match in dates if match] == sorted(
        (match[1] for match in dates if match), reverse=True
    )


def test_the_container_takes_the_marker_of_types() -> None:
    """`py.typed` lies in the package, which is copied whole."""
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0] == "triage"
    assert (ROOT / "triage" / "py.typed").read_bytes() == b""


def pages_of(entry: object) -> list[str]:
    """Every page of an entry of the site's navigation."""
    if isinstance(entry, dict):
        return [page for value in entry.values() for page in pages_of(value)]
    if isinstance(entry, list):
        return [page for value in entry for page in pages_of(value)]
    return [str(entry)]


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = pages_of(site["nav"])
    hooks = (ROOT / "docs_site" / "hooks.py").read_text(encoding="utf-8")
    added = set(re.findall(r'"([\w/]+\.md)"', hooks))  # by the hooks, where the files exist
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {*listed, *added}
    assert {*listed} <= pages | added
    assert len(listed) == len({*listed})


def test_the_site_loads_nothing_from_other_servers() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert site["theme"]["font"] is False
    addresses = [*site["extra_css"], *site.get("extra_javascript", [])]
    assert not [address for address in addresses if "//" in address]
    assert "analytics" not in site["extra"]
