"""What is refused before a server starts, and a server with TLS of its own."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.pipelines.command import Command, make_command
from tests.ui.browser import ROOT, free_port
from tests.ui.make_accounts import account
from triage.errors import UsageError
from triage.store import Store, open_store
from ui.serving.background_checkpoints import repeated
from ui.serving.oidc_settings import SECRET_VARIABLE
from ui.serving.requirements_met import checked_settings
from ui.serving.settings import ServingSettings, is_loopback
from ui.serving.tls_files import check_tls_files

NOW = datetime.datetime.now(datetime.UTC)
YEAR = datetime.timedelta(days=365)


def make_certificate(
    folder: Path, name: str = "tls", *, ends: datetime.datetime = NOW + YEAR, password: bytes = b""
) -> tuple[Path, Path]:
    """Write a certificate for this computer that is signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.DNSName("triage.example"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * YEAR)
        .not_valid_after(ends)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password)
    places = folder / f"{name}.pem", folder / f"{name}.key"
    places[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    places[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return places


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return make_command(monkeypatch, capsys)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, create=True)
    yield opened
    opened.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ServingSettings]:
    """What the verb would have served."""
    found: list[ServingSettings] = []
    monkeypatch.setattr("ui.launch.run", lambda _, settings: found.append(settings) or 0)
    return found


# The verb


def test_on_this_computer_nothing_else_is_needed(
    triage: Command, store: Store, url: str, started: list[ServingSettings]
) -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        assert triage("ui", "--db", url, "--host", host).code == 0
    assert [settings.local_user for settings in started] == [True] * 4


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "triage.example", ""])
def test_another_address_needs_sign_in_and_tls(
    triage: Command, store: Store, url: str, host: str, started: list[ServingSettings]
) -> None:
    answer = triage("ui", "--db", url, "--host", host)
    assert answer.code == 2
    for word in ("sign-in", "TLS", "triage user add", "--oidc", "--tls-cert", "--behind-tls-proxy"):
        assert word in answer.err
    assert started == []


def test_another_address_with_one_of_the_two(
    triage: Command, store: Store, url: str, tmp_path: Path, started: list[ServingSettings]
) -> None:
    certificate, key = make_certificate(tmp_path)
    tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
    for protection in (tls, ("--behind-tls-proxy",)):
        answer = triage("ui", "--db", url, "--host", "0.0.0.0", *protection)
        assert answer.code == 2
        assert "sign-in" in answer.err
        assert "--tls-cert" not in answer.err
    account(store, "Ann")
    answer = triage("ui", "--db", url, "--host", "0.0.0.0")
    assert answer.code == 2
    assert "--tls-cert" in answer.err
    assert "triage user add" not in answer.err
    assert started == []
    assert triage("ui", "--db", url, "--host", "0.0.0.0", *tls).code == 0
    assert triage("ui", "--db", url, "--host", "0.0.0.0", "--behind-tls-proxy").code == 0
    assert started[0].certificate_names == ("localhost", "triage.example", "127.0.0.1")
    assert [settings.secure for settings in started] == [True, True]


def test_a_disabled_account_is_no_sign_in(store: Store) -> None:
    account(store, "Ann")
    settings = ServingSettings(host="0.0.0.0", behind_tls_proxy=True)
    assert checked_settings(store, settings) == settings
    from sqlalchemy import text

    with store.transaction() as session:  # also the last administrator, which no function does
        session.execute(text("UPDATE account SET disabled_at = created_at"))
    with pytest.raises(UsageError, match="sign-in"):
        checked_settings(store, settings)


def test_a_proxy_in_front_of_loopback_needs_sign_in_too(store: Store) -> None:
    with pytest.raises(UsageError, match="sign-in"):
        checked_settings(store, ServingSettings(behind_tls_proxy=True))


def test_a_provider_is_sign_in(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "oidc.yaml"
    path.write_text("issuer: https://idp.example\nclient_id: triage\n")
    settings = ServingSettings(host="0.0.0.0", behind_tls_proxy=True, oidc=path)
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    with pytest.raises(UsageError, match=SECRET_VARIABLE):
        checked_settings(store, settings)
    monkeypatch.setenv(SECRET_VARIABLE, "a secret")
    assert checked_settings(store, settings) == settings


@pytest.mark.parametrize(
    "options",
    [
        ("--tls-cert", "a"),
        ("--tls-key", "a"),
        ("--tls-cert", "a", "--tls-key", "b", "--behind-tls-proxy"),
        ("--trusted-proxy", "192.0.2.1"),
        ("--ledger-key", "a"),
        ("--checkpoints", "a"),
    ],
)
def test_contradicting_options(
    triage: Command,
    store: Store,
    url: str,
    options: tuple[str, ...],
    started: list[ServingSettings],
) -> None:
    answer = triage("ui", "--db", url, *options)
    assert answer.code == 2
    assert options[0] in answer.err
    assert started == []


# Files of TLS


def test_bad_files_of_tls_are_refused_before_the_start(
    triage: Command, store: Store, url: str, tmp_path: Path, started: list[ServingSettings]
) -> None:
    certificate, key = make_certificate(tmp_path)
    _, other_key = make_certificate(tmp_path, "other")
    expired, expired_key = make_certificate(tmp_path, "expired", ends=NOW - YEAR)
    locked, locked_key = make_certificate(tmp_path, "locked", password=b"hunter2")
    text = tmp_path / "text"
    text.write_text("hello\n")
    for pair, said in (
        ((tmp_path / "none", key), "none"),
        ((certificate, tmp_path / "none"), "none"),
        ((tmp_path, key), str(tmp_path)),
        ((text, key), "no certificate"),
        ((key, key), "no certificate"),
        ((certificate, text), "no private key"),
        ((certificate, certificate), "no private key"),
        ((certificate, other_key), "another certificate"),
        ((expired, expired_key), "not now"),
        ((locked, locked_key), "password"),
    ):
        answer = triage("ui", "--db", url, "--tls-cert", str(pair[0]), "--tls-key", str(pair[1]))
        assert answer.code == 2, said
        assert said in answer.err
        assert "Traceback" not in answer.err
    assert started == []
    assert check_tls_files(certificate, key) == ("localhost", "triage.example", "127.0.0.1")


def test_a_server_with_tls(store: Store, url: str, tmp_path: Path) -> None:
    """Over TLS it answers, over plain HTTP it does not, and it ends when it is told to."""
    account(store, "Ann")
    certificate, key = make_certificate(tmp_path)
    port = free_port()
    options = (
        "ui",
        "--db",
        url,
        "--port",
        str(port),
        "--tls-cert",
        str(certificate),
        "--tls-key",
        str(key),
    )
    with subprocess.Popen(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as server:
        try:
            context = ssl.create_default_context(cafile=str(certificate))
            with _opened(f"https://localhost:{port}/login", context) as answer:
                assert "__Host-triage_form=" in answer.headers["set-cookie"]
                assert "Secure" in answer.headers["set-cookie"]
            with pytest.raises(OSError):  # noqa: PT011 - of several kinds
                urllib.request.urlopen(f"http://localhost:{port}/login", timeout=10)
        finally:
            server.terminate()
            output, _ = server.communicate(timeout=60)
    assert server.returncode == 0
    assert f"https://127.0.0.1:{port}" in output.decode()
    with pytest.raises(OSError):  # noqa: PT011 - of several kinds
        urllib.request.urlopen(f"https://localhost:{port}/login", timeout=10, context=context)


def _opened(address: str, context: ssl.SSLContext) -> urllib.request.addinfourl:
    import time

    for _ in range(240):
        try:
            return urllib.request.urlopen(address, context=context, timeout=10)
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server did not start")


# Parts


def test_what_is_this_computer() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "LOCALHOST", "::1", "127.9.9.9")))
    others = ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", "")
    assert not any(map(is_loopback, others))


def test_the_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    settings = ServingSettings(
        host="::",
        tls_cert=tmp_path / "c",
        tls_key=tmp_path / "k",
        certificate_names=("a.example",),
        oidc=tmp_path / "o",
    )
    assert ServingSettings.from_json(settings.to_json()) == settings
    assert ServingSettings.from_json(ServingSettings().to_json()) == ServingSettings()


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (ServingSettings(), "http://127.0.0.1:8501"),
        (ServingSettings(host="::1"), "http://[::1]:8501"),
        (ServingSettings(tls_cert=Path("c"), port=443), "https://127.0.0.1:443"),
        (
            ServingSettings(behind_tls_proxy=True, public_host="triage.example"),
            "https://triage.example",
        ),
    ],
)
def test_the_address_to_open(settings: ServingSettings, address: str) -> None:
    assert settings.address == address


def test_work_in_the_background_goes_on_after_a_refusal_and_is_done_at_the_end() -> None:
    import threading

    calls = []
    twice = threading.Event()

    def work() -> None:
        calls.append(1)
        if len(calls) == 2:
            twice.set()
        raise UsageError("No key.")

    with repeated(work, seconds=0.01):
        assert twice.wait(30)
    done = len(calls)
    assert done >= 2
    assert not any(thread.name == "ledger-checkpoints" for thread in threading.enumerate())
