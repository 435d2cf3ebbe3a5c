"""Detection of identifiers that are probably damaged by a spreadsheet, an export or by typing.

Nothing here changes a value: the results are warnings, see `triage.data.row_warnings`. Some kinds
of damage are visible in one cell (a number in scientific notation, a date), others only by
comparison with the other cells of a column (lost leading zeros, one identifier of another form than
all the others).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

_MONTH = (
    "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july"
    "|august|september|october|november|december|mrz|m\u00e4r|m\u00e4rz|mai|okt|dez|januar|februar"
    "|juni|juli|oktober|dezember|janv|f\u00e9v|f\u00e9vr|mars|avr|avril|juin|juil|ao\u00fbt|d\u00e9c"
    "|ene|abr|ago|dic|gen|mag|giu|lug|ott|mrt|mei)"
)
_DAY, _IN_YEAR, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
_TIME = r"(?:[ t]\d{1,2}:\d{2}.*)?"
_SCIENTIFIC = "a number in scientific notation"
_DATE = "a date"
_DAMAGE = (
    (r"[+-]?\d+([.,]\d+)?e[+-]\d{1,3}|[+-]?\d[.,]\d+e\d{1,3}", _SCIENTIFIC),
    (
        rf"(\d{{1,2}}|\d{{4}})[-/. ]{{1,2}}{_MONTH}\.?|{_MONTH}\.?[-/. ](\d{{1,2}}|\d{{4}})|"
        rf"\d{{1,2}}[-/. ]{{1,2}}{_MONTH}\.?[-/. ]{{1,2}}(\d{{2}}|\d{{4}})|{_DAY}{_MONTH}{_YEAR}|"
        rf"{_MONTH}\.? \d{{1,2}},? \d{{4}}|"
        rf"{_YEAR}[-/.]{_IN_YEAR}[-/.]{_DAY}{_TIME}|"
        rf"({_DAY}[-/.]{_IN_YEAR}|{_IN_YEAR}[-/.]{_DAY})[-/.](\d{{2}}|\d{{4}}){_TIME}|"
        "(\\d{2,4}\u5e74)?\\d{1,2}\u6708(\\d{1,2}\u65e5)?",
        _DATE,
    ),
    (r"\d{1,2}:\d{2}:\d{2}([.,]\d+)?( ?[ap]\.?m\.?)?|\d{1,2}:\d{2} ?[ap]\.?m\.?", "a time of day"),
    (r"\d+[.,]0+", "a whole number that became a decimal fraction"),
    (r"[1-9]\d{0,2}([,' \u2019]\d{3})+", "a number with separators of thousands"),
    (r"[$\u20ac\u00a3] ?\d.*|\d[\d.,]* ?[%$\u20ac\u00a3]", "an amount or a percentage"),
    (
        r".*(\ufffd|[\u00c2\u00c3\u00e2-\u00f4][\u0080-\u00bf]|\u00e2\u20ac|[^\W\d_]\?[^\W\d_]).*",
        "text in a wrong encoding",
    ),
    (r"true|false|wahr|falsch|vrai|faux|verdadero|falso", "a truth value"),
    (r"=.*", "a formula of a spreadsheet"),
    (
        '[\'\u2018\u2019`\u00b4"\u201c\u201d\u201e\u00ab].*|.*["\u201c\u201d\u00bb]',
        "text with quotation marks that are no part of it",
    ),
    (
        r".*[\x00-\x1f\x7f-\x9f\u2028\u2029].*",
        "text with a line break, a tab or another control character",
    ),
    (
        r".*(&(amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-f]{1,5});|%(20|2f|3a|2c|23)).*|"
        r".*</?(br|b|i|p|span|td|div)\b[^>]*>.*",
        "text with the escapes of a web page",
    ),
    (
        r"b'.*'|\[.*\]|\{.*\}|(tensor|array|timestamp|datetime\.\w+|np\.\w+)\(.*\)|<.* at 0x.*>",
        "the printed form of a program's value",
    ),
    (r"(grand |sub[- ]?)?totals?|sum|summe|gesamt|n ?= ?\d+|count ?[:=]? ?\d*", "a row of totals"),
)
_DAMAGES = tuple((re.compile(pattern, re.DOTALL), kind) for pattern, kind in _DAMAGE)
_PLACEHOLDER = re.compile(
    r"anonymous( patient)?|anonymi[sz]ed( patient)?|anon|test([ _-]?patient)?|dummy|sample|example|"
    r"tb[acd]|pending|todo|x+|([a-z]{1,6}[-_ ]?)?0+|9{3,}|-9+|-1|patient|n\.?n\.?|default|other|"
    r"various|(unknown|no|new) ?(patient|name|id)|unknown ?\d{1,2}|(john|jane) doe|doe (john|jane)|"
    r"new|neu|nouveau|nuevo|nuovo|s\. ?o\.|siehe oben|(the )?same( as above)?|see above|ditto|idem"
)
"""Words that stand for no identifier, or for that of another row, or that may be one."""
_SEVERAL = re.compile(r"\s*[;,&|+]\s*|\s+/\s+|\s+and\s+|[\r\n]+", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(\D*)(\d+)", re.ASCII)
_KEPT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps: those of an IEEE 754 double."""
_MONTH_CODE = re.compile(r"([A-Z]+)[-/. ]\d+", re.ASCII)
_FORM_IDENTIFIERS, _FORM_SHARE = 10, 0.9
_CODES = 10
_NUMBERED_SHARE = 0.9
"""Share of the other identifiers with a digit from which one without is conspicuous."""


def damage_of(identifier: str) -> str | None:
    """Return the probable kind of damage to an identifier, such as 'a date'; None if none.

    Parameters
    ----------
    identifier : str
        Clean, see `triage.data.identifiers.clean_text`.
    """
    text = identifier.casefold()
    return next((kind for pattern, kind in _DAMAGES if pattern.fullmatch(text)), None)


def is_placeholder(identifier: str) -> bool:
    """Whether an identifier is a common placeholder for a missing one, with any separators."""
    text = identifier.casefold()
    parted = re.sub(r"[\W_]+", " ", text).strip()
    return any(_PLACEHOLDER.fullmatch(word) is not None for word in (text, parted))


def damaged_identifiers(identifiers: Collection[str], column: str) -> dict[str, str]:
    """Find the identifiers of a column that are probably damaged.

    A form that many valid identifiers share, such as `MAR-01` among `ABC-02` and `XYZ-03`, is
    intended and not damage.

    Parameters
    ----------
    identifiers : collection of str
        Clean and distinct.
    column : str
        The column's name.

    Returns
    -------
    dict of str to str
        Probable damage of each damaged identifier.
    """
    found = {name: kind for name in identifiers if (kind := damage_of(name)) is not None}
    forms = Counter(map(_exact_form, identifiers)) if found else Counter()
    damaged = Counter(map(_exact_form, found))
    found = {
        name: kind
        for name, kind in found.items()
        if forms[form := _exact_form(name)] < 2 * damaged[form]
    }
    codes = Counter(_month_code(name) for name, kind in found.items() if kind == _DATE)
    found = {
        name: kind
        for name, kind in found.items()
        if kind != _DATE or _month_code(name) is None or codes[_month_code(name)] < _CODES
    }
    whole = set(identifiers)
    found |= _cut_numbers(identifiers)
    for name in identifiers:
        if name.casefold() == column.strip().casefold():
            found[name] = "the name of the column"
        elif name not in found and _holds_several(name, whole):
            found[name] = "several identifiers in one cell"
    return found


def _month_code(name: str) -> str | None:
    """Capitals of a code such as `MAR-07`, None for any other text."""
    code = _MONTH_CODE.fullmatch(name)
    return code[1] if code else None


def _cut_numbers(identifiers: Iterable[str]) -> dict[str, str]:
    """Long numbers that end in zeros more often than expected by chance."""
    by_length: dict[int, list[str]] = {}
    for name in identifiers:
        if len(name) > _KEPT_DIGITS and name.isascii() and name.isdigit() and name[0] != "0":
            by_length.setdefault(len(name), []).append(name)
    found: dict[str, str] = {}
    for length, names in by_length.items():
        zeros = length - _KEPT_DIGITS
        cut = [name for name in names if name.endswith("0" * zeros)]
        if len(cut) > 3 * len(names) * 10.0**-zeros:
            found |= dict.fromkeys(cut, "a number of which a spreadsheet kept 15 digits")
    return found


def _holds_several(name: str, identifiers: Collection[str]) -> bool:
    parts = [part.strip("[](){}'\" ") for part in _SEVERAL.split(name)]
    if len(parts) < 2 or not all(parts):
        return False
    alike = len({form_of(part) for part in parts}) == 1
    return all(part in identifiers for part in parts) or (
        alike and all(any(sign.isdigit() for sign in part) for part in parts)
    )


def form_of(identifier: str) -> str:
    """Return the form of an identifier: `a` for letters, `9` for digits, others unchanged."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", identifier))


def _exact_form(identifier: str) -> str:
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"[0-9]", "9", identifier)))


def of_another_form(identifiers: Collection[str], known: Collection[str]) -> list[str]:
    """Return the few identifiers that have another form than nearly all of a column.

    Parameters
    ----------
    identifiers : collection of str
        Distinct.
    known : collection of str
        Those that a warning names already.

    Returns
    -------
    list of str
        Empty where fewer than ten are left, or where less than nine tenths have one form.
    """
    rest = [name for name in identifiers if name not in known]
    forms = Counter(map(form_of, rest))
    if len(rest) < _FORM_IDENTIFIERS:
        return []
    form, count = forms.most_common(1)[0]
    return (
        [name for name in rest if form_of(name) != form] if count >= _FORM_SHARE * len(rest) else []
    )


def without_zeros(identifiers: Iterable[str]) -> list[tuple[list[str], str]]:
    """Find numbers that probably lost leading zeros, since others of the column have them.

    Parameters
    ----------
    identifiers : iterable of str
        Distinct.

    Returns
    -------
    list of (list of str, str)
        The identifiers that are too short, and one that has its zeros.
    """
    numbers: dict[str, list[tuple[str, str]]] = {}
    for name in identifiers:
        if match := _LAST_NUMBER.fullmatch(name):
            numbers.setdefault(match[1].casefold(), []).append((name, match[2]))
    result = []
    for found in numbers.values():
        padded = [(name, digits) for name, digits in found if len(digits) > 1 and digits[0] == "0"]
        if not padded:
            continue
        shortest, width = (
            min(padded, key=lambda pair: len(pair[1]))[0],
            min(len(d) for _, d in padded),
        )
        short = [name for name, digits in found if len(digits) < width]
        if short:
            result.append((short, shortest))
    return result


def placeholders(counts: Mapping[str, int], least: int) -> list[str]:
    """Return the placeholders among identifiers that more rows share than any other.

    These are the common ones, and any text without a digit where nine tenths of the other
    identifiers have one.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each identifier.
    least : int
        Rows that a placeholder has at least.
    """
    usual = sorted(counts.values())[len(counts) // 2] if counts else 0
    words = {name for name in counts if not any(sign.isdigit() for sign in name)}
    numbered = len(counts) - len(words)
    odd = words if numbered and numbered >= _NUMBERED_SHARE * (len(counts) - 1) else frozenset()
    return [
        name
        for name, count in counts.items()
        if count >= least
        and (
            (is_placeholder(name) and (count > 2 * usual or len(counts) < least))
            or (name in odd and count > 2 * usual)
        )
    ]
