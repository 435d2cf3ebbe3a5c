from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.make_accounts import account
from triage.errors import StoreError, UsageError
from triage.store import open_store
from ui import launch
from ui.serving.settings import ServingSettings
from ui.settings import streamlit_options

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "ui").rglob("*.py"))


def test_the_pages_report_nothing_and_show_no_source() -> None:
    options = streamlit_options()
    assert ServingSettings().host == "127.0.0.1"
    assert options["server.headless"] is True
    assert options["server.enableAgentApi"] is False
    assert options["server.enableXsrfProtection"] is True
    assert options["browser.gatherUsageStats"] is False
    assert options["client.toolbarMode"] == "minimal"
    assert options["client.showErrorDetails"] == "none"


def test_streamlit_knows_every_option() -> None:
    code = (
        "from streamlit.web.bootstrap import load_config_options\n"
        "from streamlit import config\n"
        "from ui.settings import streamlit_options\n"
        "options = streamlit_options()\n"
        "load_config_options(options)\n"
        "for name, value in options.items(): assert config.get_option(name) == value, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(found, create=True).close()
    return found


def test_the_url_goes_by_the_environment_and_nothing_else_does(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Server:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            calls.append((command, env))

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def wait(self) -> int:
            return 7

        def terminate(self) -> None:
            pass

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(subprocess, "Popen", Server)
    assert launch.run(url, ServingSettings(port=port)) == 7
    ((command, env),) = calls
    assert not any(url in part for part in command)
    assert set(env) - set(os.environ) == {"TRIAGE_DATABASE_URL", "TRIAGE_SERVING"}
    assert env["TRIAGE_DATABASE_URL"] == url
    assert ServingSettings.from_json(env["TRIAGE_SERVING"]) == ServingSettings(port=port)


def test_nothing_is_served_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no case database"):
        launch.run(f"sqlite:///{tmp_path / 'none.db'}")


def test_a_taken_port_is_a_clear_error(url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="port"):
            launch.run(url, ServingSettings(port=taken.getsockname()[1]))
    with pytest.raises(UsageError, match="port"):
        launch.run(url, ServingSettings(port=99_999))


def test_an_address_of_another_computer_is_a_clear_error(url: str) -> None:
    store = open_store(url)
    account(store, "Ann")
    store.close()
    settings = ServingSettings(host="192.0.2.1", behind_tls_proxy=True)
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        launch.run(url, settings)


WITHOUT_NETWORKS = {
    "triage.systems",
    "triage.systems.bundle_files",
    "triage.systems.bundle_signature",
}
"""The modules of systems that verify the files of bundles and load no network."""


def test_the_pages_load_neither_torch_nor_the_models() -> None:
    paths = (path.relative_to(ROOT).with_suffix("") for path in MODULES)
    names = [".".join(path.parts) for path in paths if path.stem not in ("__init__", "app")]
    code = (
        f"import sys\nfor name in {names!r}: __import__(name)\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in ('torch', 'monai', 'transformers')"
        " or m.startswith(('triage.models', 'triage.systems'))]\n"
        f"assert set(heavy) <= {WITHOUT_NETWORKS!r}, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_source_names_no_forbidden_import_and_no_raw_html(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            assert not any(key.arg == "unsafe_allow_html" for key in node.keywords)
            called = getattr(node.func, "attr", "")
            assert called != "shown_prediction"
            # Only constant styles; other markup goes through the module that escapes what it holds.
            style = [getattr(given, "id", "") for given in node.args] == ["_STYLE"]
            assert called != "html" or style or path.stem == "html_table"
        for name in names:
            assert name.split(".")[0] not in ("torch", "monai", "transformers")
            assert not name.startswith(("triage.models", "triage.systems"))
            assert "prediction" not in name  # only `reveal` may hand out an opinion


def test_the_folder_of_audits_must_exist(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no such folder of audits"):
        launch.check(url, ServingSettings(audits=tmp_path / "absent"))
    (tmp_path / "audits").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = launch.check(url, ServingSettings(audits=Path("audits")))
    assert settings.audits == tmp_path / "audits"
    assert ServingSettings.from_json(settings.to_json()) == settings
