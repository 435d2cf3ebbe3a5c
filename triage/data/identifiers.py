"""Normalisation of identifiers and other cells of a table, and detection of missing values.

All rules that change a cell before it is used are here; they change only what is certainly
equivalent. Probable equivalences are never changed; `triage.data.lookalikes` and
`triage.data.row_warnings` list them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pandas as pd

from triage.vocabulary.reserved_names import CASE_PREFIX, IMAGE_PREFIX, is_reserved

MISSING_WORDS = frozenset(
    {
        "", "na", "n/a", "n.a.", "n.a", "n. a.", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan",
        "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "nat", "none", "<none>", "null", "(null)",
        "<null>", "\\n", "nil", "void", "undefined", "missing", "(missing)", "<missing>",
        "missing value", "missing data", "no data", "(blank)", "<blank>",
        "(empty)", "<empty>", "unknown", "(unknown)", "<unknown>", "unk", "unspecified", "n/k",
        "n.k.", "n/d", "n.d.", "n.s.",
        "not known", "not available", "not recorded", "not applicable", "not stated",
        "not specified", "not provided", "not given", "not reported", "unbekannt", "k.a.", "k. a.",
        "keine angabe", "inconnu", "inconnue", "desconocido", "desconocida", "sconosciuto",
        "onbekend", "-", "--", "---", "\u2013", "\u2014", "\u2212", ".", "..", "...", "\u2026", "*",
        "?", "??", "???", "/", "_",
    }
)  # fmt: skip
"""Words for a missing value, casefolded: of Python, R, SQL, pandas, SAS, C, Excel and people."""
_NO_IDENTIFIER_WORDS = frozenset(
    {
        "removed", "deleted", "withheld", "redacted", "suppressed", "confidential", "deidentified",
        "de-identified", "none given", "none recorded", "none available", "noid", "noname",
        "no name", "no number", "no mrn", "no patient", "no patient id", "no identifier",
        "missing id", "id missing", "missing patient", "patient missing", "missing identifier",
        "unknown patient", "patient unknown", "unknown id", "id unknown", "not assigned",
        "not entered", "not found", "unbek.", "nicht bekannt", "nicht angegeben",
        "nicht vorhanden", "nicht erfasst", "ohne", "ohne angabe", "ohne angaben", "o.a.", "o. a.",
        "kein", "keine", "keine angaben", "keine daten", "keine id", "entfernt", "fehlt", "fehlend",
        "vertraulich", "desconhecido", "desconhecida", "n\u00e3o informado", "nao informado",
        "sem dados", "sin dato", "sin datos", "no consta", "no disponible", "non renseign\u00e9",
        "non renseigne", "non connu", "non disponible", "manquant", "ind\u00e9fini", "indefini",
        "aucun", "aucune", "pas de donn\u00e9e", "pas de donn\u00e9es", "sconosciuta", "non noto",
        "non nota", "mancante", "niet bekend", "geen", "ok\u00e4nd", "ukjent", "ukendt", "nieznany",
        "nieznana", "brak", "brak danych", "bilinmiyor",
        "\u043d\u0435\u0442", "\u043d\u0435\u0442 \u0434\u0430\u043d\u043d\u044b\u0445",
        "\u043d\u0435\u0438\u0437\u0432\u0435\u0441\u0442\u043d\u043e",
        "\u043d\u0435\u0438\u0437\u0432\u0435\u0441\u0442\u0435\u043d",
        "\u4e0d\u660e", "\u672a\u77e5", "\u4e0d\u8be6", "\u7121", "\u65e0", "\u306a\u3057",
    }
)  # fmt: skip
"""Words for no identifier, casefolded. In a label or level some of them (`keine`) are a value."""
_SPREADSHEET_ERROR = re.compile(
    r"#+|#(REF|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC|GETTING_DATA)|#[\u00a1\u00bf]?[^\W\d]+(/0)?[!?]|"
    r"#(NV|YOK|HI\u00c1NYZIK|NEN\u00cd_K_DISPOZICI)|err:\d{3}|"
    r"#(N/[ABD]|I/T|\u041d/\u0414|\u0394/\u03a5)[!?]?",
    re.IGNORECASE,
)
"""Errors of spreadsheet programs, also in other languages: `#BEZUG!`, `#NV`, `#N/D`."""
_INVISIBLE = dict.fromkeys(
    (
        0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810),
        *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164,
        *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFFC), *range(0xE0000, 0xE1000),
    )
)  # fmt: skip
"""Characters that Unicode lets a reader not see (Default_Ignorable_Code_Point): soft hyphen,
zero-width characters, marks of direction, variation selectors, byte order mark."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def clean_text(text: str) -> str:
    """Return a cell without invisible differences.

    Unicode is composed (NFC), characters without width are dropped, every space of Unicode (such
    as the no-break space) is a plain one, and blanks at both ends are cut off.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        The same for texts that are certainly the same; `clean_text` of it changes nothing.
    """
    if text.isascii():
        return text.strip()
    spaced = "".join(
        " " if unicodedata.category(sign) == "Zs" else sign for sign in text.translate(_INVISIBLE)
    )
    return unicodedata.normalize("NFC", spaced).strip()


def is_missing(text: str) -> bool:
    """Whether a cell is empty or one of the words for 'missing', in any case."""
    return " ".join(clean_text(text).casefold().split()) in MISSING_WORDS


def is_no_identifier(text: str) -> bool:
    """Whether a cell cannot be an identifier: it is missing, or an error of a spreadsheet.

    Words for 'missing' count with any separators and punctuation: `NO-ID`, `not_known.`, `NULL;`.
    """
    if is_missing(text) or _SPREADSHEET_ERROR.fullmatch(clean_text(text)) is not None:
        return True
    word = " ".join(clean_text(text).casefold().split())
    return word in _NO_IDENTIFIER_WORDS or _parted(word) in _PARTED_WORDS


def _parted(word: str) -> str:
    """Replace every separator by one blank, and remove those at both ends."""
    return re.sub(r"[\W_]+", " ", word).strip()


_PARTED_WORDS = frozenset(
    word
    for word in map(_parted, {*MISSING_WORDS, *_NO_IDENTIFIER_WORDS, "no id"})
    # Not n.d. or k.a., which can be initials without full stops, nor 1.#IND. Without its brackets
    # "(empty)" or "(blank)" can be the name of a case.
    if word not in ("empty", "blank")
    if word in ("n a", "na") or re.fullmatch(r"(?!\w \w$)\D{2,}", word)
)


def clean_column(column: pd.Series) -> pd.Series:
    """Return a column of strings with every cell clean, see `clean_text`."""
    return _by_value(column, clean_text)


def identifier_column(column: pd.Series) -> pd.Series:
    """Return a column of identifiers: clean, and '' where there is none."""
    return _by_value(column, lambda text: "" if is_no_identifier(text) else clean_text(text))


def _by_value(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Apply a function once to each distinct value."""
    return column.map({value: change(value) for value in column.unique()}).astype(object)


def reserved_problems(column: pd.Series) -> list[str]:
    """List the rows whose identifier begins with a reserved prefix."""
    taken = column.map(is_reserved).astype(bool)
    return [
        f"row {row}: {column.name} begins with {CASE_PREFIX!r} or {IMAGE_PREFIX!r}, which are kept "
        "for rows without an identifier: rename it"
        for row in column.index[taken]
    ]


def path_column(column: pd.Series, folder: Path) -> pd.Series:
    r"""Return a column of paths in the notation of this system.

    Parameters
    ----------
    column : Series of str
        Paths relative to `folder`.
    folder : Path

    Returns
    -------
    Series of str
        Separators of Windows (``\``) are ``/``, a byte order mark and blanks around are cut off,
        and the Unicode form is the one that the file has. A file that is there under exactly the
        name of the table keeps it.
    """
    return _by_value(column, lambda name: _path(name, folder))


def _path(name: str, folder: Path) -> str:
    if name.isascii() and "\\" not in name and name == name.strip():
        return name
    plain = name.translate({0xFEFF: None}).strip().replace("\\", "/")
    if not stays_below(plain):
        return plain
    for form in (name, plain, unicodedata.normalize("NFC", plain)):
        if _exists(folder / form):
            return form
    decomposed = unicodedata.normalize("NFD", plain)
    return decomposed if _exists(folder / decomposed) else plain


def stays_below(name: str) -> bool:
    """Whether a path is relative and contains no `..`."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that the system cannot have
        return False


def has_drive(name: str) -> bool:
    """Whether a path begins with a Windows drive or server name."""
    return _DRIVE.match(name) is not None or name.startswith("//")
