"""Tables as they really arrive: clean identifiers, and what spreadsheets and hands make of them."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

MISSING = (
    "", " ", "NA", "N/A", "n/a", "nan", "NaN", "None", "NULL", "null", "-", "?", "unknown",
    "UNKNOWN", "#N/A", "\u00a0", "\ufeff", "####", "#REF!",
)  # fmt: skip
"""Cells that stand for no identifier."""
NO_IDENTIFIERS = (
    "#NV", "#BEZUG!", "#VALEUR!", "#N/D", "#\u00a1REF!", "#NOME?", "Err:504", "REMOVED", "withheld",
    "confidential", "none given", "not known.", "not_known", "NULL;", "n /a", "patient unknown",
    "missing id", "ID missing", "no_id", "NO-ID", "noid", "unbek.", "nicht bekannt",
    "nicht_angegeben", "ohne Angabe", "ohne", "kein", "o.A.", "desconhecido", "n\u00e3o informado",
    "non renseign\u00e9", "\u043d\u0435\u0442 \u0434\u0430\u043d\u043d\u044b\u0445",
    "\u043d\u0435\u0438\u0437\u0432\u0435\u0441\u0442\u043d\u043e", "\u4e0d\u660e",
    "\u672a\u77e5", "\u306a\u3057",
)  # fmt: skip
"""Cells that stand for no identifier, though some can be a label or a level."""
PLACEHOLDERS = (
    "Anonymous^Patient", "XX", "new", "unknown_1", "s.o.", "siehe oben", "ditto", "lost in transit",
    "\u67d0\u60a3\u8005",
)  # fmt: skip
"""Words that rows of several patients share; the last two are in no list of words."""
_BLANKS = ("", " ", "  ", "\t", "\u00a0", "\u2003", "\u3000", "\ufeff", "\u200b", "\u2060")
_BAD_CELLS = (
    "forty", "1.2E+05", "Mar-01", "2-Sep", "2021-03-04", "12345678901230000", "123.0", "007",
    "TRUE", "1e999", "-0", "\u0661", "45,5", "inf", "\ufffd", "Mu\u00c3\u00a4ller", "a\\b",
    "C:\\x.png", "../x", "=1+1", "'=1+1", "(case) 1", "train ", "x" * 300,
)  # fmt: skip

clean_ids = st.one_of(
    st.from_regex(r"\A[A-Za-z]{1,3}[-_ ]?[0-9]{1,4}\Z"),
    st.from_regex(r"\A[0-9]{1,6}\Z"),
    st.sampled_from(
        ["M\u00fcller-3", "\u00e9t\u00e9 2", "\u4e2d\u6587 1", "P-1", "p1", "Ol", "O1"]
    ),
)
"""Identifiers that need no normalising and mean a value."""

odd_cells = st.sampled_from([*(cell for cell in _BAD_CELLS if "=" not in cell), *MISSING])
"""Cells of a sound CSV file."""

bad_cells = st.one_of(st.sampled_from((*_BAD_CELLS, *MISSING)), st.text(max_size=12))
"""Anything that a cell can hold."""


@st.composite
def spellings(draw: st.DrawFn, identifier: str) -> str:
    """Another spelling of what is certainly the same identifier."""
    form = draw(st.sampled_from(["NFC", "NFD"]))
    text = unicodedata.normalize(form, identifier)
    if " " in text and draw(st.booleans()):
        text = text.replace(" ", "\u00a0")
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(text)))
        text = f"{text[:cut]}\u200b{text[cut:]}"
    return draw(st.sampled_from(_BLANKS)) + text + draw(st.sampled_from(_BLANKS))


@dataclass(frozen=True)
class DamagedTable:
    """Rows as written, and the patient of each as it was meant; None where there was none."""

    rows: list[dict[str, str]]
    patients: list[str | None]


@st.composite
def damaged_tables(draw: st.DrawFn) -> DamagedTable:
    """Draw a table whose patients are known, each cell in any of its certain spellings."""
    meant = draw(st.lists(clean_ids, min_size=1, max_size=5, unique=True))
    patients = draw(st.lists(st.sampled_from([None, *meant]), min_size=1, max_size=12))
    rows = [
        {
            "image": f"{number}.png",
            "patient_id": draw(st.sampled_from(MISSING) if patient is None else spellings(patient)),
            "age": draw(odd_cells),
            "sex": draw(odd_cells),
        }
        for number, patient in enumerate(patients)
    ]
    return DamagedTable(rows, patients)


ORDINARY: tuple[Callable[[int], str], ...] = (
    lambda k: f"IMG_{k:04d}",
    lambda k: f"ISIC_{24306 + 7 * k:07d}",
    lambda k: f"P{k + 1:03d}",
    lambda k: f"p{k}",
    lambda k: f"{k + 1}",
    lambda k: f"{k:08d}",
    lambda k: f"{1_000_000 + 7919 * k}",
    lambda k: f"{1234567890123456 + 7919 * k}",
    lambda k: f"sub-{k:02d}",
    lambda k: f"{k % 5 + 1:02d}-{k:03d}",
    lambda k: f"2021-{k:03d}",
    lambda k: f"2021-03-{k % 28 + 1:02d}_{k:03d}",
    lambda k: f"202103{k % 28 + 1:02d}{k:04d}",
    lambda k: f"1.2.840.113619.2.{k}",
    lambda k: f"MAR-{k:03d}",
    lambda k: f"{k}E{k % 9}",
    lambda k: f"{'ABCDEFGHIJ'[k % 10]}{'XYZUV'[k % 5]}{k:02d}",
    lambda k: hashlib.sha256(str(k).encode()).hexdigest(),
    lambda k: hashlib.sha256(str(k).encode()).hexdigest()[:12],
    lambda k: str(uuid.uuid5(uuid.NAMESPACE_OID, str(k))),
)
"""Styles of identifiers in use, as functions of a number: none is damaged."""

DAMAGES: tuple[Callable[[str], str], ...] = (
    lambda name: f"{float(int(name[1:])):.2E}",
    lambda name: f"{int(name[1:])}.0",
    lambda name: f"{int(name[1:]) % 28 + 1}-Mar",
    lambda name: f"2021-03-{int(name[1:]) % 28 + 1:02d} 00:00:00",
    lambda name: f"Mar-{int(name[1:]) % 90 + 10}",
    lambda name: f"0{int(name[1:]) % 10}:30:00",
    lambda name: f"{int(name[1:]):,}",
    lambda name: f'="{name}"',
    lambda name: f"'{name}",
    lambda name: f"\u201c{name}\u201d",
    lambda name: f"b'{name}'",
    lambda name: f"['{name}']",
    lambda name: f"{name}&nbsp;",
    lambda name: f"{name[0]}\n{name[1:]}",
    lambda name: f"{name[0]}\ufffd{name[1:]}",
    lambda name: f"{name};{name}1",
    lambda name: name.lower(),
    lambda name: name.replace("0", "O", 1),
    lambda name: f"Patient {name[1:]}",
    lambda name: f"{name}_OD",
    lambda name: f"{name[0]}{name[1:].lstrip('0')}",
    lambda name: "".join(chr(ord(sign) + 0xFEE0) for sign in name),
    lambda name: "\u0420" + name[1:],
    lambda name: f"{44197 + int(name[1:])}",
    lambda name: "Smith, John",
    lambda name: "Total",
    lambda name: "TRUE",
    lambda name: "#REF!",
    lambda name: "not available",
    lambda name: "\\N",
)
"""What becomes of an identifier such as `P00012` in spreadsheets, exports and hands."""


def damaged_number(number: int) -> st.SearchStrategy[str]:
    """Draw a damaged form of the identifier `P` and five digits."""
    return st.sampled_from(DAMAGES).map(lambda damage: damage(f"P{number:05d}"))


_WILD = (
    "image", "case_id", "patient_id", "age", "sex", "visit", "laterality", "split", "condition",
)  # fmt: skip
wild_tables = st.lists(
    st.fixed_dictionaries(dict.fromkeys(_WILD, bad_cells)), min_size=1, max_size=6
)
"""Tables of anything: read, or refused with a `SpecError`."""
