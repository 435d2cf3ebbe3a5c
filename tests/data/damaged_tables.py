"""Tables as they really arrive: clean identifiers, and what spreadsheets and hands make of them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hypothesis import strategies as st

MISSING = (
    "", " ", "NA", "N/A", "n/a", "nan", "NaN", "None", "NULL", "null", "-", "?", "unknown",
    "UNKNOWN", "#N/A", "\u00a0", "\ufeff", "####", "#REF!",
)  # fmt: skip
"""Cells that stand for no identifier."""
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


_WILD = (
    "image", "case_id", "patient_id", "age", "sex", "visit", "laterality", "split", "condition",
)  # fmt: skip
wild_tables = st.lists(
    st.fixed_dictionaries(dict.fromkeys(_WILD, bad_cells)), min_size=1, max_size=6
)
"""Tables of anything: read, or refused with a `SpecError`."""
