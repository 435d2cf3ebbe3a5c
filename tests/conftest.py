"""Fixtures of all tests: an environment without the user's files, and small shared data."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.shared_data import SHARED

if TYPE_CHECKING:  # tests of packages without torch must not import it here
    from tests.tiny import TinyBundle, TinyOctBundle
    from triage.data.dataset import Dataset
    from triage.data.spec import DataSpec


SLOW_FOLDERS = ("pipelines", "benchmark", "learning", "systems", "models")
"""Folders of tests that train, whose files take minutes with few tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that take long first, so that two workers end at about the same time.

    xdist by itself would start with the files of the most tests, and end with one worker waiting
    for the other's browser.
    """
    counts = Counter(item.path for item in items)
    in_browser = {item.path for item in items if item.get_closest_marker("browser")}

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return (
            item.path not in in_browser,
            folder not in SLOW_FOLDERS,
            -counts[item.path],
            str(item.path),
        )

    items.sort(key=place)  # stable: the tests of a file keep their order


settings.register_profile("patient", deadline=None)  # timing depends on the load of the machine
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _own_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    for variable in ("TRIAGE_WEIGHTS", "TRIAGE_DATABASE_URL", "TRIAGE_DEBUG"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def alarm() -> Iterator[None]:
    """Ends a test that waits for ever, such as for a named pipe that nobody writes to."""
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("the system has no alarm")

    def end(*_: object) -> None:
        pytest.fail("waited for ever")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of research data, weights and golden values beside the checkout."""
    folder = SHARED
    if not folder.is_dir():
        pytest.skip("needs the folder `shared` beside the checkout")
    return folder


@pytest.fixture(scope="session")
def phantom_spec() -> DataSpec:
    from triage.data.spec_files import load_spec, shipped_spec

    return load_spec(shipped_spec("derm_phantoms"))


@pytest.fixture(scope="session")
def phantom_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred phantom cases of 32 px; tests only read it."""
    from triage.phantoms.skin import write_phantoms

    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 200, 0, size=32, rare_fraction=0.4)
    return folder


@pytest.fixture(scope="session")
def phantom_data(phantom_spec: DataSpec, phantom_root: Path) -> Dataset:
    from triage.data.dataset import load_dataset

    return load_dataset(phantom_spec, phantom_root)


@pytest.fixture(scope="session")
def tiny_hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local transformers directory with random weights."""
    from tests.tiny import write_resnet

    return write_resnet(tmp_path_factory.mktemp("weights") / "tiny_resnet")


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings shared by the tests that only need them to be there."""
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="session")
def tiny_bundle(
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> TinyBundle:
    """A trained bundle of two HOD heads; tests copy it before they change it."""
    from tests.tiny import train_tiny

    return train_tiny(phantom_data, tiny_hf, tmp_path_factory.mktemp("bundle") / "a", session_cache)


OCT_PHANTOMS = {"n_cases": 72, "seed": 22, "size": (6, 32, 32), "rare_fraction": 0.4}
"""Few, and of every condition in every split."""


@pytest.fixture(scope="session")
def oct_spec() -> DataSpec:
    from triage.data.spec_files import load_spec, shipped_spec

    return load_spec(shipped_spec("oct_phantoms"))


@pytest.fixture(scope="session")
def oct_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy-two small phantom volumes with their truth; tests only read them."""
    from triage.phantoms.oct import write_oct_phantoms

    folder = tmp_path_factory.mktemp("oct")
    write_oct_phantoms(folder, **OCT_PHANTOMS)
    return folder


@pytest.fixture(scope="session")
def oct_data(oct_spec: DataSpec, oct_root: Path) -> Dataset:
    from triage.data.dataset import load_dataset

    return load_dataset(oct_spec, oct_root)


@pytest.fixture(scope="session")
def tiny_oct_bundle(oct_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TinyOctBundle:
    """A trained bundle of two instances of each stage; tests copy it before they change it."""
    from tests.tiny import train_tiny_oct

    return train_tiny_oct(oct_data, tmp_path_factory.mktemp("oct_bundle") / "a")
