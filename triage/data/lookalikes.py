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
_SPELT_OUT = str.maketrans(
    {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00f8": "oe", "\u00e6": "ae", "\u00e5": "aa"}
)
_EDGES = re.compile(r"^\W+|\W+$")
_LIKE_ZERO_OR_ONE = re.compile(r"(?<=\d)[oil]|(?<![a-z])[oil](?=\d)|[oil](?=\d)")
_KIND_OF_PERSON = re.compile(
    r"^(patients?|pat|pt|p|subjects?|subj|sub|participant|person|case|mrn|pid|id|no|nr)(?=\d)"
)
_EYE_WORD = r"o\.?d\.?|o\.?s\.?|right|left|rechts|links|droite?|gauche|derecho|izquierdo"
_EYE_CODE = "re|le|li|rt|lt"
_ANY_EYE = rf"(?:{_EYE_WORD}|{_EYE_CODE}|r|l)(?:[-_ ]?eye)?"
_IN_BRACKETS = rf"[(\[{{] ?{_ANY_EYE} ?[)\]}}]"
_EYE = re.compile(
    rf"(?<=\w)[-_ .]{{1,2}}{_ANY_EYE}$|(?<=\d)(?:{_EYE_WORD}|{_EYE_CODE})$|"
    rf"(?<=\w)[-_ ]?{_IN_BRACKETS}$|^{_IN_BRACKETS}[-_ ]?(?=\w)|"
    rf"^(?:{_EYE_WORD})(?:(?:[-_ ]?eye)?[-_ ]+(?=\w)|(?=\d))"
)
"""An eye at the beginning or the end of a patient's identifier."""
_EYE_OR_CODE = re.compile(
    rf"(?<=\d)(?P<end>[rl])$|^(?P<start>{_EYE_CODE}|r|l)[-_ ]+(?=\w)|^(?P<joined>{_EYE_CODE})(?=\d)"
)
"""An eye only where nearly all identifiers come in pairs of it: it can be the code of a site."""
_PAIRED_SHARE = 0.9
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


def _without_accents(text: str) -> str:
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", text.casefold()))


def _spelt_out(text: str) -> str:
    """Write letters such as ä as the two that replace them where a keyboard lacks them."""
    return text.casefold().translate(_SPELT_OUT)


def _without_kind(text: str) -> str:
    return _KIND_OF_PERSON.sub("", text)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("upper and lower case", str.casefold),
    ("letters of another alphabet or width", _latin),
    ("accents", _without_accents),
    ("a trailing .0", lambda text: re.sub(r"(?<=\d)[.,]0+$", "", text)),
    ("blanks or punctuation", _joined_alike),
    ("the signs O and 0, or l, I and 1", lambda text: _zeros_and_ones(text.casefold())),
    ("leading zeros", _without_zeros),  # after O and l: Al04 is A104, not A14
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
    names = list(identifiers)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(likeness_key(name), []).append(name)
    for name in names:
        if (spelt := _spelt_out(name)) != name.casefold():
            key, other = likeness_key(name), likeness_key(spelt)
            if key in groups and other in groups:
                groups[key] += groups.pop(other)
    return [(sorted(group), _difference(group)) for group in groups.values() if len(group) > 1]


def _difference(group: Sequence[str]) -> str:
    for kind, step in (*_STEPS, ("an umlaut written as two letters", _spelt_out)):
        if len({step(text) for text in group}) == 1:
            return kind
    return "several of case, punctuation, zeros, similar-looking signs and words before the number"


def without_eye(identifiers: Iterable[str]) -> list[list[str]]:
    """Find identifiers of patients that differ only in an eye: one patient each.

    The eye is at the end, in brackets or in front. A final `R` or `L` without a separator, and
    short codes in front, are an eye only where nine tenths of the identifiers come in such pairs.

    Parameters
    ----------
    identifiers : iterable of str
        Distinct.

    Returns
    -------
    list of list of str
        Sorted identifiers of each group.
    """
    names = list(identifiers)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_EYE.sub("", name.casefold(), count=1), []).append(name)
    found = [group for group in groups.values() if len({*map(str.casefold, group)}) > 1]
    return [sorted(group) for group in found + _pairs_of_codes(names)]


def _pairs_of_codes(names: Sequence[str]) -> list[list[str]]:
    """Group the names that differ in a short code of an eye; empty where less than 0.9 do."""
    groups: dict[tuple[str, str | None], dict[str, list[str]]] = {}
    for name in names:
        text = name.casefold()
        if (match := _EYE_OR_CODE.search(text)) is not None and match.lastgroup is not None:
            rest = (text[: match.start()] + text[match.end() :], match.lastgroup)
            groups.setdefault(rest, {}).setdefault(match[match.lastgroup][0], []).append(name)
    pairs = [[*sides["l"], *sides["r"]] for sides in groups.values() if len(sides) > 1]
    return pairs if sum(map(len, pairs)) >= _PAIRED_SHARE * len(names) else []


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
