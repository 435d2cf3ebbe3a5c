"""Standard input of a verb: lines of a pipe, or answers of somebody at a terminal."""

from __future__ import annotations

import io
import sys

import pytest


class Pipe(io.StringIO):
    """Lines that are there already."""

    def isatty(self) -> bool:
        return False


class Terminal(io.StringIO):
    """A terminal; passwords are asked with `getpass`, which reads elsewhere."""

    def isatty(self) -> bool:
        return True


def pipe(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe("".join(f"{line}\n" for line in lines)))


def terminal(monkeypatch: pytest.MonkeyPatch, *answers: str | None) -> list[str]:
    """Answer questions for passwords in turn, None with the end of input; return the questions."""
    left, asked = list(answers), list[str]()

    def getpass(prompt: str) -> str:
        asked.append(prompt)
        answer = left.pop(0)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", getpass)
    return asked
