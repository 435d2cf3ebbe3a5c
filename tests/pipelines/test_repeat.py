"""Verbs that repeat their work until they are stopped."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from pipelines.cli.repeat import repeat
from triage.errors import ExitCode, StoreError, UsageError


def test_work_without_an_interval_is_done_once_and_keeps_its_exit_code() -> None:
    done = []

    def work() -> ExitCode:
        done.append(1)
        return ExitCode.ANSWERED_NO

    assert repeat(work, None) is ExitCode.ANSWERED_NO
    assert done == [1]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_with_done_and_handlers_are_put_back(kind: int) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            os.kill(os.getpid(), kind)

    assert repeat(lambda: ExitCode.ANSWERED_NO, 2.0, wait=wait) is ExitCode.DONE
    assert len(waits) == 3
    assert all(0 < seconds <= 120 for seconds in waits)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_signal_interrupts_the_work_itself() -> None:
    def work() -> ExitCode:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal interrupts")
        except Exception as error:  # no handler of the work swallows the signal
            raise AssertionError("was caught") from error

    assert repeat(work, 1.0) is ExitCode.DONE


def test_a_signal_ends_the_verb_also_where_the_work_loses_the_exception() -> None:
    """As Python does in a destructor, and a library in a callback."""

    def work() -> ExitCode:
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)
        return ExitCode.DONE

    def never(_: float) -> None:
        raise AssertionError("it does not wait for another round")

    assert repeat(work, 1.0, wait=never) is ExitCode.DONE


def test_an_error_of_the_first_run_ends_the_verb() -> None:
    def work() -> ExitCode:
        raise UsageError("no such plan")

    with pytest.raises(UsageError):
        repeat(work, 1.0)


def test_a_later_error_is_printed_and_the_work_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = []

    def work() -> ExitCode:
        runs.append(1)
        if len(runs) == 2:
            raise StoreError("The database does not answer.", where="postgresql://db")
        if len(runs) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return ExitCode.DONE

    assert repeat(work, 1.0, wait=lambda _: None) is ExitCode.DONE
    assert len(runs) == 4
    assert capsys.readouterr().err.splitlines() == [
        "triage: postgresql://db: The database does not answer."
    ]
