"""Pairs of scores that a benchmark compares."""

from __future__ import annotations

from collections.abc import Sequence

from triage.benchmark.methods import Method, parse_methods
from triage.errors import UsageError
from triage.heads import HeadKind

Pair = tuple[Method, Method]
ALWAYS: Pair = (
    Method("score", "outlier_mass", str(HeadKind.HOD)),
    Method("score", "outlier_mass", str(HeadKind.REJECT)),
)
"""Compared whenever both are measured: whether a class for each rare condition is worth it."""
_OPTION = "--compare"


def parse_pairs(texts: Sequence[str], methods: Sequence[Method]) -> list[Pair]:
    """Parse pairs of scores.

    Parameters
    ----------
    texts : sequence of str
        Two names each, separated by a comma, as `parse_methods` reads them:
        `outlier_mass@hod,vim`.
    methods : sequence of Method
        The measured methods.

    Raises
    ------
    UsageError
        If there are not two different names, a name matches several methods or no score,
        or one is not measured.
    """
    return [_pair(text, methods) for text in texts]


def measured_pairs(asked: Sequence[Pair], methods: Sequence[Method]) -> list[Pair]:
    """Default pairs and requested pairs of which both scores were measured."""
    return [pair for pair in dict.fromkeys((ALWAYS, *asked)) if not set(pair) - set(methods)]


def missing_pairs(asked: Sequence[Pair], methods: Sequence[Method]) -> list[str]:
    """Notes on requested pairs of which one score could not run."""
    return [
        f"{a.name} and {b.name} were not compared: "
        f"{' and '.join(one.name for one in (a, b) if one not in methods)} could not run."
        for a, b in asked
        if {a, b} - set(methods)
    ]


def _pair(text: str, methods: Sequence[Method]) -> Pair:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise UsageError(
            f"{text!r} is not two methods",
            where=_OPTION,
            hint="Write both with a comma between them: outlier_mass@hod,vim.",
        )
    a, b = (_score(name, methods) for name in names)
    if a == b:
        raise UsageError(f"{a.name} is compared with itself", where=_OPTION)
    return a, b


def _score(name: str, methods: Sequence[Method]) -> Method:
    try:
        found = parse_methods(name)
    except UsageError as error:
        raise UsageError(error.what, where=_OPTION, hint=error.hint) from error
    if len(found) > 1:
        raise UsageError(
            f"{name!r} matches several methods",
            where=_OPTION,
            hint=f"Write one of {', '.join(one.name for one in found)}.",
        )
    (method,) = found
    if method.kind != "score":
        raise UsageError(f"{name!r} is no score", where=_OPTION, hint="Name two scores.")
    if method not in methods:
        raise UsageError(
            f"{method.name} is not measured", where=_OPTION, hint="Add it to --methods."
        )
    return method
