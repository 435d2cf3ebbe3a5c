"""Identifiers that are probably the same or probably damaged, and names that are almost right.

Nothing here changes a value: the results are warnings, see `triage.data.row_warnings`. The kinds
of damage are those that spreadsheets, exports and typing leave: numbers in scientific notation,
identifiers read as dates, numbers cut to 15 digits, lost leading zeros, a trailing ``.0``.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

_MONTH = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mrz|m\u00e4r|mai|okt|dez|"
    "january|february|march|april|june|july|august|september|october|november|december"
)
_DAMAGE = (
    (r"[+-]?\d([.,]\d+)?e[+-]\d{1,3}|[+-]?\d[.,]\d+e\d{1,3}", "a number in scientific notation"),
    (
        rf"\d{{1,4}}[-/. ]({_MONTH})|({_MONTH})[-/. ]\d{{1,4}}|"
        rf"\d{{1,2}}[-/. ]({_MONTH})[-/. ]\d{{2,4}}|"
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ t]\d{1,2}:\d{2}.*)?|"
        r"\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})([ t]\d{1,2}:\d{2}.*)?",
        "a date",
    ),
    (r"[1-9]\d{14}0+", "a number of which a spreadsheet kept 15 digits"),
    (r"\d+[.,]0+", "a whole number that became a decimal fraction"),
    (r".*(\ufffd|[\u00c2\u00c3\u00e2\u00e3][\u0080-\u00bf]).*", "text in a wrong encoding"),
    (r"true|false", "a truth value"),
)
_PLACEHOLDER = re.compile(r"anonymous|anonymi[sz]ed|test|dummy|tbd|xxx+|0+|9{3,}|-1")
_DAMAGES = tuple((re.compile(pattern, re.DOTALL), kind) for pattern, kind in _DAMAGE)
_CYRILLIC = str.maketrans("авекмнорстух", "abekmhopctyx")
"""Small letters of Cyrillic that look like Latin ones, or whose capitals do."""
_EDGES = re.compile(r"^\W+|\W+$")
_LIKE_ZERO_OR_ONE = re.compile(r"(?<=\d)[oil]|(?<![a-z])[oil](?=\d)|[oil](?=\d)")
_ALMOST = 0.8


def damage_of(identifier: str) -> str | None:
    """Return what an identifier probably was damaged to, such as 'a date'; None if nothing.

    Parameters
    ----------
    identifier : str
        Clean, see `triage.data.identifiers.clean_text`.
    """
    text = identifier.casefold()
    return next((kind for pattern, kind in _DAMAGES if pattern.fullmatch(text)), None)


def is_placeholder(identifier: str) -> bool:
    """Whether an identifier is one that people and devices put where they have none."""
    return _PLACEHOLDER.fullmatch(identifier.casefold()) is not None


def _joined_alike(text: str) -> str:
    """One sign for all that separates, none where letters meet digits."""
    text = _EDGES.sub("", re.sub(r"[\W_]+", "-", text).strip("-"))
    return re.sub(r"(?<=\d)-(?=[^\W\d])|(?<=[^\W\d])-(?=\d)", "", text)


def _without_zeros(text: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _zeros_and_ones(text: str) -> str:
    return _LIKE_ZERO_OR_ONE.sub(lambda found: "0" if found[0] == "o" else "1", text)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("upper and lower case", str.casefold),
    (
        "letters of another alphabet or width",
        lambda text: unicodedata.normalize("NFKC", text).casefold().translate(_CYRILLIC),
    ),
    ("a trailing .0", lambda text: re.sub(r"(?<=\d)[.,]0+$", "", text)),
    ("blanks or punctuation", _joined_alike),
    ("leading zeros", _without_zeros),
    ("the signs O and 0, or l, I and 1", lambda text: _without_zeros(_zeros_and_ones(text))),
)


def likeness_key(identifier: str) -> str:
    """Return a text that is the same for identifiers which are probably the same."""
    for _, step in _STEPS:
        identifier = step(identifier)
    return identifier


def probably_same(identifiers: Iterable[str]) -> list[tuple[list[str], str]]:
    """Find different identifiers that are probably one.

    Parameters
    ----------
    identifiers : iterable of str
        Clean and distinct.

    Returns
    -------
    list of (list of str, str)
        Sorted identifiers of each group, and what alone or last sets them apart.
    """
    groups: dict[str, list[str]] = {}
    for identifier in identifiers:
        groups.setdefault(likeness_key(identifier), []).append(identifier)
    return [(sorted(group), _difference(group)) for group in groups.values() if len(group) > 1]


def _difference(group: Sequence[str]) -> str:
    for kind, step in _STEPS:
        if len({step(text) for text in group}) == 1:
            return kind
    return "several of case, punctuation, zeros and signs that look alike"


def nearest_name(name: str, others: Iterable[str]) -> str | None:
    """Return the name that was probably meant or is almost `name`; None if there is none.

    Parameters
    ----------
    name : str
        A name that was looked for.
    others : iterable of str
        Names that there are, other than `name`.

    Returns
    -------
    str or None
        One that differs only in case, blanks and punctuation, else one that is spelt almost so.
    """
    folded = {_letters(other): other for other in reversed([*others])}
    if (key := _letters(name)) in folded:
        return folded[key]
    close = difflib.get_close_matches(key, folded, n=1, cutoff=_ALMOST)
    return folded[close[0]] if close and len(key) > 2 else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
