"""The image: its base, its user, and what a linter says."""

from __future__ import annotations

import json
import re

import pytest

from tests.deployment.deployment_files import DOCKER, ROOT, done, parse_command, program

TEXT = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = sorted(DOCKER.rglob("*.sh"))


def test_the_base_is_a_name_or_a_digest() -> None:
    """FROM takes either, and both stages have the same."""
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${BASE}", "${BASE}"]
    (default,) = re.findall(r"^ARG BASE=(\S+)$", TEXT, re.MULTILINE)
    assert TEXT.index("ARG BASE=") < TEXT.index("FROM"), "else FROM does not see it"
    assert re.fullmatch(r"python:3\.11-slim-\w+", default), "a release of Debian is named"


def test_the_process_is_never_root() -> None:
    final = TEXT[TEXT.rindex("FROM ") :]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE) == ["10001:10001"]
    assert final.rindex("USER ") > final.rindex("RUN ")
    assert "HOME=/tmp" in final


def test_the_health_check_is_a_command() -> None:
    (words,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.+\])$", TEXT, re.MULTILINE)
    first, *rest = json.loads(words)
    assert first == "triage"
    assert parse_command(rest)[0] == "health"


def test_labels() -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.([\w.]+)=", TEXT))
    assert labels == {"title", "description", "licenses", "version", "revision", "base.name"}


def test_the_build_takes_no_secret_and_no_git() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if "secrets" in line or ".git" in line or ".env" in line]


def test_scripts_can_be_run() -> None:
    assert len(SCRIPTS) >= 4
    for script in SCRIPTS:
        assert script.stat().st_mode & 0o111, script.name
        assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n"), script.name


def test_hadolint() -> None:
    found = done(program("hadolint"), "--config", ROOT / ".hadolint.yaml", DOCKER / "Dockerfile")
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(script) -> None:
    found = done(program("shellcheck"), "--shell=sh", script)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script) -> None:
    assert done("sh", "-n", script).returncode == 0
