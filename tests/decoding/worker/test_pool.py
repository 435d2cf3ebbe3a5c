"""What becomes of a file that costs too much or kills its decoder, and of those after it.

Tasks that misbehave on purpose are put into the workers by `sitecustomize`, which Python imports at
its start: the project itself has no such tasks.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triage.decoding.worker import DecoderPool, WorkerLimits
from triage.decoding.worker import pool as module
from triage.errors import ImageRejected, RejectReason, UsageError
from triage.hashing import hash_file
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import Picture

MISBEHAVING = """
import ctypes, os, sys, time
if "triage.decoding.worker.process" in " ".join(sys.orig_argv):
    from triage.decoding.worker import tasks
    def crash(path, announce, given):
        announce("c" * 64)
        ctypes.string_at(0)
    def crash_once(path, announce, given):
        try:
            os.mkdir(given["mark"])
        except FileExistsError:
            return tasks.picture(path, announce, given)
        ctypes.string_at(0)
    def spin(path, announce, given):
        announce("c" * 64)
        while True:
            pass
    def wait(path, announce, given):
        announce("c" * 64)
        time.sleep(600)
    def allocate(path, announce, given):
        kept = []
        while True:
            kept.append(bytearray(2**24))
    def fail(path, announce, given):
        raise KeyError("Doe^Secret")
    def chatter(path, announce, given):
        os.write(1, b"printed by a native library")
        os.write(2, b"Doe^Secret")
        return tasks.picture(path, announce, given)
    def leave(path, announce, given):
        os._exit(0)
    def environment(path, announce, given):
        from triage.errors import ImageRejected, RejectReason
        raise ImageRejected(RejectReason.EMPTY, " ".join(sorted(os.environ)))
    for task in (crash, crash_once, spin, wait, allocate, fail, chatter, leave, environment):
        tasks.TASKS[task.__name__] = task
"""

# What a good file costs, and what fills the memory, takes a fraction of these times also on a slow
# and busy processor.
LIMITS = WorkerLimits(memory_mib=256, cpu_seconds=2, wall_seconds=120, workers=1)
ARGUMENTS = {"limits": DEFAULT_LIMITS.model_dump(), "photographs_only": True, "root": None}

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits on workers are held by Linux"
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "good.png"
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(MISBEHAVING)
    return folder


@pytest.fixture
def pool(misbehaving: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderPool]:
    reported = module.worker_environment()
    path = f"{misbehaving}{os.pathsep}{reported['PYTHONPATH']}"
    monkeypatch.setattr(module, "worker_environment", lambda: reported | {"PYTHONPATH": path})
    with DecoderPool(LIMITS) as found:
        yield found


def read(pool: DecoderPool, path: Path) -> Picture:
    found = pool.run("picture", path, **ARGUMENTS)
    assert isinstance(found, Picture)
    return found


def refused(pool: DecoderPool, task: str, path: Path, **arguments: object) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        pool.run(task, path, **ARGUMENTS, **arguments)
    return caught.value


@pytest.mark.parametrize(
    ("task", "reason", "words"),
    [
        ("crash", RejectReason.DECODER_FAILED, "failed on this file"),
        ("leave", RejectReason.DECODER_FAILED, "failed on this file"),
        ("fail", RejectReason.DECODER_FAILED, "failed on this file"),
        ("spin", RejectReason.TOO_MUCH_WORK, "2 seconds of CPU time"),
        ("allocate", RejectReason.TOO_LARGE, "256 MiB of memory"),
    ],
)
def test_one_file_is_refused_and_the_next_is_read(
    pool: DecoderPool, good: Path, task: str, reason: RejectReason, words: str
) -> None:
    expected = read(pool, good)
    refusal = refused(pool, task, good)
    assert refusal.reason is reason
    assert words in refusal.what
    assert refusal.hint
    assert refusal.where == "good.png"
    assert "Secret" not in str(refusal)
    again = read(pool, good)
    assert (again.frames == expected.frames).all()
    assert again.sha256 == hash_file(good)


def test_a_worker_that_waits_is_ended(misbehaving: Path, pool: DecoderPool, good: Path) -> None:
    short = DecoderPool(LIMITS.model_copy(update={"wall_seconds": 10.0}))
    with short:
        refusal = refused(short, "wait", good)
        assert refusal.reason is RejectReason.TOO_MUCH_WORK
        assert "within 10 seconds" in refusal.what
        assert refusal.sha256 == "c" * 64
        assert read(short, good).kind == "png"


def test_a_file_whose_decoder_died_is_known_by_its_hash(pool: DecoderPool, good: Path) -> None:
    assert refused(pool, "crash", good).sha256 == "c" * 64
    assert refused(pool, "spin", good).sha256 == "c" * 64


def test_a_good_file_after_one_that_damaged_the_worker_is_read(
    pool: DecoderPool, good: Path, tmp_path: Path
) -> None:
    read(pool, good)
    found = pool.run("crash_once", good, **ARGUMENTS, mark=str(tmp_path / "mark"))
    assert isinstance(found, Picture)
    assert (tmp_path / "mark").is_dir()


def test_a_worker_that_is_fresh_and_dies_is_not_asked_again(
    pool: DecoderPool, good: Path, tmp_path: Path
) -> None:
    refusal = refused(pool, "crash_once", good, mark=str(tmp_path / "mark"))
    assert refusal.reason is RejectReason.DECODER_FAILED


def test_what_libraries_print_does_not_reach_the_answer(
    pool: DecoderPool, good: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = pool.run("chatter", good, **ARGUMENTS)
    assert isinstance(found, Picture)
    assert capfd.readouterr() == ("", "")


def test_a_worker_is_told_no_secrets(
    pool: DecoderPool, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_DATABASE_URL", "postgresql://me:secret@host/db")
    monkeypatch.setenv("PGPASSWORD", "secret")
    names = refused(pool, "environment", good).what.split()
    assert "PYTHONPATH" in names
    assert not {"TRIAGE_DATABASE_URL", "PGPASSWORD", "HOME"} & {*names}


def test_workers_are_used_again(pool: DecoderPool, good: Path) -> None:
    read(pool, good)
    first = pool._idle[0].process.pid
    for _ in range(5):
        read(pool, good)
    assert [worker.process.pid for worker in pool._idle] == [first]


def test_a_worker_that_was_killed_while_idle_is_replaced(pool: DecoderPool, good: Path) -> None:
    read(pool, good)
    pool._idle[0].process.kill()
    pool._idle[0].process.wait()
    assert read(pool, good).kind == "png"


def test_many_threads_share_a_pool(good: Path) -> None:
    found: list[str] = []
    with DecoderPool(LIMITS.model_copy(update={"workers": 2})) as pool:
        threads = [
            threading.Thread(target=lambda: found.append(read(pool, good).sha256)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pool._idle) <= 2
    assert found == [hash_file(good)] * 8


def test_map_keeps_the_order_and_passes_errors_on(good: Path) -> None:
    with DecoderPool(LIMITS.model_copy(update={"workers": 2})) as pool:
        assert list(pool.map(lambda n: n * n, range(20))) == [n * n for n in range(20)]

        def some(number: int) -> int:
            if number == 3:
                raise ValueError(number)
            return number

        found = pool.map(some, range(20))
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="3"):
            next(found)


def test_a_closed_pool_leaves_no_process(good: Path) -> None:
    with DecoderPool(LIMITS) as pool:
        read(pool, good)
        process = pool._idle[0].process
    assert process.poll() is not None


def test_limits_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_DECODER_CPU_SECONDS", "12.5")
    monkeypatch.setenv("TRIAGE_DECODER_WORKERS", "3")
    found = WorkerLimits.from_environment()
    assert (found.cpu_seconds, found.workers) == (12.5, 3)
    monkeypatch.setenv("TRIAGE_DECODER_MEMORY_MIB", "much")
    with pytest.raises(UsageError, match="TRIAGE_DECODER_MEMORY_MIB"):
        WorkerLimits.from_environment()


def test_large_files_may_take_longer(tmp_path: Path) -> None:
    limits = WorkerLimits(cpu_seconds=2)
    small, large, huge = (tmp_path / name for name in ("small", "large", "huge"))
    for path, mebibytes in ((small, 8), (large, 12), (huge, 10_000)):
        with path.open("wb") as stream:
            stream.truncate(mebibytes * 2**20)
    seconds = [limits.cpu_seconds_of(path) for path in (small, large, huge, tmp_path / "none")]
    assert seconds == [2, 3, 32, 2]
    assert limits.cpu_seconds_of(tmp_path) == 32  # a folder counts with its files
