"""One hierarchy of errors.

Every message a user can meet says what is wrong, where, and what to do. It may quote names of
files and cells of tables, so as text it is printable: one line, and one more a listed problem.
The command line turns these into one readable line and the error's exit code;
anything else that escapes is a defect of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum, StrEnum

from triage.printable import printable


class ExitCode(IntEnum):
    """The exit codes of every verb; `docs/commands.md` explains each."""

    DONE = 0
    DEFECT = 1
    """Something failed that is not a mistake of the user: a defect of this software."""
    WRONG_INPUT = 2
    """Wrong usage or wrong input; nothing was done."""
    SOME_REJECTED = 3
    """Some inputs were rejected, the rest was done."""
    ANSWERED_NO = 4
    """The command did what it was asked to decide or check, and the answer is no."""
    NOT_ENOUGH_EVIDENCE = 5
    """The question cannot be answered: too few cases or labels."""
    INTERRUPTED = 130


class TriageError(Exception):
    """Base of every error the project raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, optional
        The file, field, row or setting concerned. Never patient data.
    hint : str, optional
        What the user can do about it.
    """

    exit_code: ExitCode = ExitCode.WRONG_INPUT

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        if not self.hint:
            return printable(f"{place}{self.what}")
        stop = "" if self.what.endswith((".", "?", "!")) else "."
        return printable(f"{place}{self.what}{stop} {self.hint}")


class UsageError(TriageError):
    """A command or function was called in a way that cannot work."""


class UnknownName(UsageError, KeyError):
    """A name that does not exist was given; also the `KeyError` that mappings raise."""


class MissingExtraError(UsageError):
    """A part of the software needs an optional dependency that is not installed."""


class SpecError(TriageError):
    """A data spec, or the data it points at, is not usable.

    Parameters
    ----------
    what : str
        Summary of the refusal.
    problems : sequence of str
        Every problem found, each with its place.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        problems: tuple[str, ...] = (),
    ) -> None:
        self.problems = problems
        super().__init__(what, where=where, hint=hint)

    def __str__(self) -> str:
        listed = "".join(f"\n  - {printable(problem)}" for problem in self.problems)
        return super().__str__() + listed


class TrainingError(TriageError):
    """Training cannot start or cannot go on."""


class NotEnoughEvidence(TrainingError):
    """There are too few cases or labels to answer what was asked."""

    exit_code = ExitCode.NOT_ENOUGH_EVIDENCE


class BundleError(TriageError):
    """A trained system on disk is missing, incomplete or altered."""


class PredictionsError(TriageError):
    """A predictions table is malformed."""


class StoreError(TriageError):
    """The case database cannot be used as asked."""


class NoSuchCase(StoreError):
    """The case database has no case of a number."""


class LedgerError(TriageError):
    """A key, a file of checkpoints or a ledger of events cannot be used as asked."""


class LedgerNotIntact(LedgerError):
    """A ledger of events is not intact, so that it is not signed.

    Parameters
    ----------
    findings : sequence of str
        What was found, one sentence each.
    """

    exit_code = ExitCode.ANSWERED_NO

    def __init__(self, what: str, *, findings: tuple[str, ...], hint: str | None = None) -> None:
        self.problems = findings
        super().__init__(what, hint=hint)

    def __str__(self) -> str:
        listed = "".join(f"\n  - {printable(finding)}" for finding in self.problems)
        return super().__str__() + listed


class EngineError(TriageError):
    """Work cannot be run where it should be: no worker answers, or one is of another version."""


class WorkerLost(EngineError):
    """Workers ended before their task did, more often than it is tried again."""


class WorkflowError(TriageError):
    """A reviewing step is not allowed in the case's present state."""


class RejectReason(StrEnum):
    """Why a file was refused; stable codes that reports count by."""

    MISSING = "missing"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FRAMES = "too_many_frames"
    UNKNOWN_FORMAT = "unknown_format"
    NO_PIXELS = "no_pixels"
    TRUNCATED = "truncated"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNREADABLE = "unreadable"
    WRONG_MODALITY = "wrong_modality"
    NOT_A_VOLUME = "not_a_volume"
    NO_SCALE = "no_scale"
    INCONSISTENT = "inconsistent"
    BOTH_EYES = "both_eyes"
    BAD_SHAPE = "bad_shape"
    TOO_MUCH_WORK = "too_much_work"
    DECODER_FAILED = "decoder_failed"
    OUTSIDE_ROOT = "outside_root"


class ImageRejected(TriageError):
    """A file cannot become safe pixels; its case is rejected and the batch goes on.

    Parameters
    ----------
    reason : RejectReason
        Stable code of the refusal.
    what : str
        What is wrong with the file, without anything read from its header
        that could identify a patient.
    sha256 : str, optional
        Hash of the content that was refused, where it was read. Nobody needs to open the file
        again to know which it was.
    """

    exit_code = ExitCode.SOME_REJECTED

    def __init__(
        self,
        reason: RejectReason,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        sha256: str | None = None,
    ) -> None:
        self.reason = reason
        self.sha256 = sha256
        super().__init__(what, where=where, hint=hint)


def count_by_reason(rejections: Iterable[ImageRejected]) -> dict[str, int]:
    """Count refusals by their code, in order of first appearance."""
    return dict(Counter(str(rejection.reason) for rejection in rejections))


def unknown_name(
    what: str, name: str, known: Iterable[str], *, where: str | None = None
) -> UnknownName:
    """The refusal of a name that does not exist, with the nearest that does, or else all.

    Parameters
    ----------
    what : str
        What is named, such as 'head'.
    name : str
    known : iterable of str
    where : str, optional
        The option or field that names it.
    """
    known = list(known)
    near = nearest_name(name, known)
    hint = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
    return UnknownName(f"there is no {what} {name!r}", where=where, hint=hint)


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name most like a misspelt one, whatever its case; '' where none is like it.

    Parameters
    ----------
    name : str
    known : iterable of str
    cutoff : float
        Least likeness, 0 to 1, as `difflib.get_close_matches` measures it.
    """
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else ""
