"""The compose file, checked as text and by Docker Compose where that is installed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.deployment_files import (
    COMPOSE,
    DOCKER,
    OURS,
    SERVICES,
    done,
    parse_command,
    program,
)

TEXT = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
SETTINGS = (DOCKER / "settings.example.env").read_text(encoding="utf-8")

each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "network_mode", "pid", "ipc", "devices"}
    assert any(entry.startswith("/tmp:") for entry in service["tmpfs"])
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} == limits.keys()
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert service["init"] is True, "the first process of a container ignores SIGTERM"
    assert "healthcheck" in service
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}


@each_service
def test_only_the_proxy_publishes_ports(name: str) -> None:
    assert ("ports" in SERVICES[name]) == (name == "proxy")


def test_only_the_proxy_reaches_another_network() -> None:
    networks = COMPOSE["networks"]
    open_ones = {name for name, network in networks.items() if not network.get("internal")}
    assert open_ones == {"outside"}
    assert [name for name, one in SERVICES.items() if "outside" in one["networks"]] == ["proxy"]
    assert "database" not in SERVICES["proxy"]["networks"]
    assert SERVICES["orthanc"]["networks"] == ["studies"]


@each_service
def test_no_host_folder_but_those_of_the_settings(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, *mode = re.split(r":(?![?-])(?=[/r])", volume)
        if source.startswith("$"):
            assert re.match(r"\$\{TRIAGE_(INBOX|BUNDLES|BACKUPS):\?", source), volume
            assert mode == ([] if "BACKUPS" in source else ["ro"])
        elif source.startswith("."):
            assert (DOCKER / source).is_file(), volume
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"], volume
        assert "docker.sock" not in volume


def test_secrets_are_files() -> None:
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    used = set()
    for service in SERVICES.values():
        named = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        assert named <= COMPOSE["secrets"].keys()
        used |= named
        for key, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|TOKEN|KEY", key)
            assert (
                not secret
                or key.endswith("_FILE")
                or value == "scram-sha-256"
                or (key == "POSTGRES_INITDB_ARGS")
            ), key
            if key.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in named, key
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), "a password in a URL"
    assert used == COMPOSE["secrets"].keys()
    assert "docker/secrets/" in (DOCKER.parent / ".gitignore").read_text(encoding="utf-8")


def test_secrets_of_the_file_are_made_by_the_script() -> None:
    script = (DOCKER / "make_secrets.sh").read_text(encoding="utf-8")
    assert [name for name in COMPOSE["secrets"] if name not in script] == []


def words_of(command: list[str]) -> list[str]:
    """A command with the settings of the example in place of the variables."""
    values = dict(re.findall(r"^(\w+)=(.*)$", SETTINGS, re.MULTILINE))

    def value(found: re.Match[str]) -> str:
        return values[found[1]]

    return [re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", value, word) for word in command]


@pytest.mark.parametrize("name", [name for name in OURS if name != "backup"])
def test_commands_are_commands_of_triage(name: str) -> None:
    verb, options = parse_command(words_of(SERVICES[name]["command"]))
    assert verb == {
        "migrate": "db init", "page": "ui", "scorer": "score", "monitor": "monitor run",
        "metrics": "metrics",
    }[name]  # fmt: skip
    secrets = {f"/run/secrets/{secret}" for secret in SERVICES[name]["secrets"]}
    files = {str(value) for value in options.values() if str(value).startswith("/run/secrets/")}
    assert files <= secrets
    acts = options.get("as_name")
    assert (acts is not None) == ("TRIAGE_PASSWORD_FILE" in SERVICES[name]["environment"])


@each_service
def test_health_checks_are_commands(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if check.get("disable"):
        assert name in ("migrate", "orthanc")
        return
    kind, first, *words = check["test"]
    assert kind == "CMD"
    if first == "triage":
        verb, options = parse_command(words)
        assert verb == "health"
        beats = SERVICES[name]["environment"].get("TRIAGE_HEARTBEAT")
        assert (str(options["heartbeat"]) if options["heartbeat"] else None) == beats
    else:
        assert (name, first) in {("database", "pg_isready"), ("proxy", "curl")}


def test_the_page_trusts_the_proxy_alone() -> None:
    _, options = parse_command(words_of(SERVICES["page"]["command"]))
    (proxy,) = words_of([SERVICES["proxy"]["networks"]["pages"]["ipv4_address"]])
    assert options["trusted_proxy"] == proxy
    assert options["behind_tls_proxy"] is True
    (own,) = words_of([SERVICES["page"]["networks"]["pages"]["ipv4_address"]])
    assert own != proxy
    assert options["public_host"] == "triage.clinic.example"


def test_everything_waits_for_the_tables() -> None:
    for name in OURS:
        needed = SERVICES[name]["depends_on"]
        if name != "migrate":
            assert needed["migrate"]["condition"] == "service_completed_successfully"
        assert needed["database"]["condition"] == "service_healthy"


def test_every_setting_is_in_the_example() -> None:
    in_file = set(re.findall(r"\$\{(\w+)", TEXT))
    assert in_file - set(re.findall(r"^(\w+)=", SETTINGS, re.MULTILINE)) <= {"ORTHANC_IMAGE"}


def test_pictures_have_the_same_path_where_they_are_scored_and_shown() -> None:
    for name in ("page", "scorer"):
        volumes = SERVICES[name]["volumes"]
        assert any(volume.endswith("}:/inbox:ro") for volume in volumes)
        assert any(volume.endswith("}:/bundles:ro") for volume in volumes)
    _, options = parse_command(words_of(SERVICES["scorer"]["command"]))
    assert (str(options["root"]), str(options["bundle"])) == ("/inbox", "/bundles/first")


def resolved(tmp_path: Path) -> dict[str, Any]:
    compose = program("docker-compose")
    found = done(
        compose, "--file", DOCKER / "compose.yaml", "--env-file", DOCKER / "settings.example.env",
        "--profile", "metrics", "--profile", "orthanc", "config", "--format", "json",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "warn" not in found.stderr.lower()
    return json.loads(found.stdout)


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    found = resolved(tmp_path)
    assert found["services"].keys() == SERVICES.keys()
    published = {name: one["ports"] for name, one in found["services"].items() if "ports" in one}
    assert {int(port["target"]) for port in published["proxy"]} == {8080, 8443}
    assert published.keys() == {"proxy"}
    assert all(
        one["read_only"] and one["cap_drop"] == ["ALL"] for one in found["services"].values()
    )


def test_the_schema_of_the_compose_specification(tmp_path: Path) -> None:
    checker = program("check-jsonschema")
    found = done(
        checker, "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml", cwd=tmp_path
    )
    assert found.returncode == 0, found.stdout + found.stderr
