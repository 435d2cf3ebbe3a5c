"""The TLS proxy: its settings, as text and by nginx itself where it is installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.deployment.deployment_files import DOCKER, SERVICES, done, program
from ui.serving.security_headers import STRICT_TRANSPORT

TEXT = (DOCKER / "proxy" / "nginx.conf").read_text(encoding="utf-8")


def test_tls_and_the_headers_that_the_pages_compare() -> None:
    assert re.findall(r"ssl_protocols (.+);", TEXT) == ["TLSv1.2 TLSv1.3"]
    assert f'Strict-Transport-Security "{STRICT_TRANSPORT}" always' in TEXT
    for line in (
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_http_version 1.1;",
        "access_log off;",
        "server_tokens off;",
        "return 308 https://$host$request_uri;",
    ):
        assert line in TEXT, line
    for path in ("/readyz", "/healthz"):
        assert re.search(rf"location = {path} {{\s+return 404;", TEXT), path


def test_it_writes_to_the_temporary_folder_alone() -> None:
    paths = re.findall(r"(?:\w+_temp_path|pid) (\S+);", TEXT)
    assert len(paths) == 6
    assert all(path.startswith("/tmp/") for path in paths)


def test_its_files_are_the_secrets_of_the_service() -> None:
    named = re.findall(r"ssl_certificate(?:_key)? (\S+);", TEXT)
    assert {Path(name).name for name in named} == set(SERVICES["proxy"]["secrets"])


def test_the_file_of_debian_names_nothing_of_a_container() -> None:
    found = done(program("sed"), "-f", DOCKER / "proxy" / "debian.sed", DOCKER / "proxy/nginx.conf")
    assert found.returncode == 0, found.stderr
    assert re.findall(r"(?:\w+_temp_path|pid) (\S+);", found.stdout) == [
        "/run/nginx.pid",
        *(f"/var/lib/nginx/{name}" for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi")),
    ]
    assert re.findall(r"listen (\d+)", found.stdout) == ["80", "443"]
    assert re.findall(r"server (\S+);", found.stdout) == ["127.0.0.1:8501"]
    assert not re.search(r"/run/secrets|/tmp/|page:", found.stdout)


def test_nginx_takes_the_file(tmp_path: Path) -> None:
    nginx = program("nginx")
    key, certificate = tmp_path / "key.pem", tmp_path / "chain.pem"
    made = done(
        program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-keyout", key, "-out", certificate, "-subj", "/CN=triage.clinic.example",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    text = TEXT.replace("/tmp/", f"{tmp_path}{os.sep}")
    text = text.replace("/run/secrets/tls_certificate", str(certificate))
    text = text.replace("/run/secrets/tls_key", str(key))
    (tmp_path / "nginx.conf").write_text(text.replace("server page:8501", "server 127.0.0.1:8501"))
    found = subprocess.run(
        [nginx, "-t", "-q", "-p", str(tmp_path), "-e", "stderr", "-c", "nginx.conf"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "warn" not in found.stderr
