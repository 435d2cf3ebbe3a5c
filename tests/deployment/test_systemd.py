"""Units of systemd: hardened, their commands exist, their settings are documented."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.deployment.deployment_files import DOCKER, SYSTEMD, done, parse_command, program

UNITS = sorted(SYSTEMD.glob("*.service"))
TIMERS = sorted(SYSTEMD.glob("*.timer"))
HARDENING = (SYSTEMD / "triage-.service.d" / "10-hardening.conf").read_text(encoding="utf-8")
SETTINGS = (SYSTEMD / "settings.example.env").read_text(encoding="utf-8")
TRIAGE = "/opt/triage/.venv/bin/triage"

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)


def values(text: str, key: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return re.findall(rf"^{key}=(.*)$", joined, re.MULTILINE)


def command(unit: Path) -> list[str]:
    (line,) = values(unit.read_text(encoding="utf-8"), "ExecStart")
    known = dict(re.findall(r"^(\w+)=(.*)$", SETTINGS, re.MULTILINE))
    return shlex.split(re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], line))


def test_the_units_of_an_installation() -> None:
    names = {path.name for path in (*UNITS, *TIMERS)}
    assert names == {
        "triage-ui.service", "triage-monitor.service", "triage-monitor.timer",
        "triage-score.service", "triage-score.timer", "triage-backup.service",
        "triage-backup.timer", "triage-metrics.service",
    }  # fmt: skip
    for timer in TIMERS:
        unit = timer.with_suffix(".service").read_text(encoding="utf-8")
        assert values(unit, "Type") == ["oneshot"]


def test_all_units_are_hardened() -> None:
    """A drop-in of the prefix `triage-` holds for each of them (systemd.unit)."""
    assert all(path.name.startswith("triage-") for path in UNITS)
    for line in (
        "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
        "PrivateDevices=yes", "CapabilityBoundingSet=", "RestrictNamespaces=yes", "User=triage",
        "SystemCallFilter=@system-service", "UMask=0077", "IPAddressDeny=any",
    ):  # fmt: skip
        assert line in HARDENING.splitlines(), line


@each_unit
def test_commands(unit: Path) -> None:
    program_, *words = command(unit)
    text = unit.read_text(encoding="utf-8")
    if unit.stem == "triage-backup":
        assert program_ == "/opt/triage/docker/backup.sh"
        assert (DOCKER / "backup.sh").is_file()
    else:
        assert program_ == TRIAGE
        verb, options = parse_command(words)
        assert verb == {
            "triage-ui": "ui", "triage-score": "score", "triage-monitor": "monitor run",
            "triage-metrics": "metrics",
        }[unit.stem]  # fmt: skip
        assert (options.get("as_name") is not None) == ("TRIAGE_PASSWORD_FILE" in text)
    assert values(text, "MemoryMax")
    assert values(text, "TasksMax")
    assert not re.search(r"(?i)password=(?!%d)|://\w+:\w+@", text), "a secret in a unit"


@each_unit
def test_secrets_are_credentials(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8") + HARDENING
    loaded = {value.split(":")[0] for value in values(text, "LoadCredential")}
    used = set(re.findall(r"%d/(\w+)", text))
    assert used == loaded
    assert all(":/etc/triage/secrets/" in value for value in values(text, "LoadCredential"))


@each_unit
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    shutil.copytree(SYSTEMD, tmp_path / "units")
    copy = tmp_path / "units" / unit.name
    text = copy.read_text(encoding="utf-8")
    copy.write_text(re.sub(r"/opt/triage/\S+/(triage|backup\.sh)", "/bin/true", text))
    found = done(
        analyze, "verify", "--man=no", copy,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path / 'units'}:", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    said = [line for line in found.stderr.splitlines() if "triage" in line]
    assert (found.returncode, said) == (0, []), found.stderr


@pytest.mark.parametrize("timer", TIMERS, ids=lambda path: path.stem)
def test_systemd_takes_the_times(timer: Path) -> None:
    text = timer.read_text(encoding="utf-8")
    calendar = values(text, "OnCalendar")
    assert calendar or values(text, "OnUnitInactiveSec")
    assert values(text, "WantedBy") == ["timers.target"]
    if calendar:
        analyze = program("systemd-analyze")
        assert done(analyze, "calendar", *calendar).returncode == 0
