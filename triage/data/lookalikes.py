"""Identifiers that are probably equal, and names that are probably misspelt.

Nothing here changes a value: the results are warnings, see `triage.data.row_warnings`. Probable
damage is found by `triage.data.identifier_damage`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

_LOOKALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abekmhopctyxijsabezhikmnoptyx",
)
"""Small letters of Cyrillic and Greek that look like Latin ones, or whose capitals do."""
_EDGES = re.compile(r"^\W+|\W+$")
_LIKE_ZERO_OR_ONE = re.compile(r"(?<=\d)[oil]|(?<![a-z])[oil](?=\d)|[oil](?=\d)")
_KIND_OF_PERSON = re.compile(
    r"^(patients?|pat|pt|p|subjects?|subj|sub|participant|person|case|mrn|pid|id|no|nr)(?=\d)"
)
_EYE = re.compile(r"(?<=\d)[-_ ]?(od|os)$|(?<=\w)[-_ ](od|os|left|right|re|le|r|l)$")
_ALMOST = 0.8


def _joined_alike(text: str) -> str:
    """Replace all separators by one sign, and remove them between letters and digits."""
    text = _EDGES.sub("", re.sub(r"[\W_]+", "-", text).strip("-"))
    return re.sub(r"(?<=\d)-(?=[^\W\d])|(?<=[^\W\d])-(?=\d)", "", text)


def _without_zeros(text: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _zeros_and_ones(text: str) -> str:
    while (plain := _LIKE_ZERO_OR_ONE.sub(lambda a: "0" if a[0] == "o" else "1", text)) != text:
        text = plain
    return text


def _latin(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in text)


def _without_kind(text: str) -> str:
    return _KIND_OF_PERSON.sub("", text)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("upper and lower case", str.casefold),
    ("letters of another alphabet or width", _latin),
    ("a trailing .0", lambda text: re.sub(r"(?<=\d)[.,]0+$", "", text)),
    ("blanks or punctuation", _joined_alike),
    ("leading zeros", _without_zeros),
    ("the signs O and 0, or l, I and 1", lambda text: _without_zeros(_zeros_and_ones(text))),
    (
        "a word such as 'patient' before the number",
        lambda text: _without_zeros(_without_kind(_joined_alike(text.casefold()))),
    ),
)


def likeness_key(identifier: str) -> str:
    """Return a text that is equal for identifiers that are probably the same."""
    for _, step in _STEPS:
        identifier = step(identifier)
    return identifier


def probably_same(identifiers: Iterable[str]) -> list[tuple[list[str], str]]:
    """Find different identifiers that are probably the same.

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
    return "several of case, punctuation, zeros, similar-looking signs and words before the number"


def without_eye(identifiers: Iterable[str]) -> list[list[str]]:
    """Find identifiers of patients that differ only in the eye at their end: one patient each.

    Parameters
    ----------
    identifiers : iterable of str
        Distinct.

    Returns
    -------
    list of list of str
        Sorted identifiers of each group.
    """
    groups: dict[str, list[str]] = {}
    for identifier in identifiers:
        key = identifier.casefold()
        groups.setdefault(_EYE.sub("", key), []).append(identifier)
    return [sorted(group) for group in groups.values() if len({*map(str.casefold, group)}) > 1]


_SYNONYMS = (
    ("patient", "patients", "pat", "subject", "participant", "person", "pid", "mrn", "proband"),
    ("sex", "gender", "geschlecht"),
    ("laterality", "eye", "side"),
    ("image", "images", "img", "file", "filename", "path", "filepath", "picture", "photo"),
    ("condition", "label", "diagnosis", "dx", "class", "disease"),
    ("age", "alter"),
)
_SYNONYM_OF = {word: group[0] for group in _SYNONYMS for word in group}
_FILLERS = frozenset(
    ("id", "ids", "no", "nr", "number", "name", "code", "key", "years", "yrs", "approx", "x", "y")
)
"""Words without information on a column's content; x and y come from joins of two tables."""


def nearest_name(name: str, others: Iterable[str]) -> str | None:
    """Return the name most similar to `name`; None if there is none.

    Parameters
    ----------
    name : str
        A name that was looked for.
    others : iterable of str
        Names that there are, other than `name`.

    Returns
    -------
    str or None
        One that differs only in case, blanks and punctuation, else one that is spelt almost so,
        else one with equivalent words: `PatientNumber` of `patient_id`, `age (years)` of `age`.
    """
    folded = {_letters(other): other for other in reversed([*others])}
    if (key := _letters(name)) in folded:
        return folded[key]
    close = difflib.get_close_matches(key, folded, n=1, cutoff=_ALMOST)
    if close and len(key) > 2:
        return folded[close[0]]
    words = _words(name)
    alike = [other for other in folded.values() if words and _words(other) - {"patient"} == words]
    alike += [other for other in folded.values() if words and _words(other) == words]
    return alike[0] if alike else None


def names_patients(name: str) -> bool:
    """Whether a column's name suggests that it holds patients, such as `Subject No.`."""
    return _words(name) == {"patient"}


def is_second_column(name: str, other: str) -> bool:
    """Whether a column is probably the copy of another: `Age` of `age`, `age.1`, `age_x`."""
    copied = re.sub(r"\.\d+$|_[xy]$| ?\(\d+\)$", "", name.strip())
    return name != other and _letters(copied) == _letters(other)


def _words(name: str) -> frozenset[str]:
    """Words of a column's name, with synonyms unified."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    words = re.findall(r"[^\W\d_]+", parted.casefold())
    return frozenset(_SYNONYM_OF.get(word, word) for word in words if word not in _FILLERS)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
