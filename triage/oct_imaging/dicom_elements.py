"""Values of DICOM elements, independent of how a file encodes them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence


def distinct(groups: Iterable[Dataset], sequence: str, keyword: str) -> list[str]:
    """Distinct values of one attribute in functional groups."""
    texts = (text_of(macro(group, sequence).get(keyword)) for group in groups)
    return list(dict.fromkeys(text for text in texts if text))


def macro(group: Dataset, keyword: str) -> Dataset:
    """First item of a functional group's sequence, empty if there is none."""
    return next(iter(items(group, keyword)), Dataset())


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence, empty if the element is missing or not a sequence."""
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []


def text_of(value: object) -> str:
    """Value of an element as text; several values joined as in the file, '' if there is none."""
    if isinstance(value, MultiValue):
        return "\\".join(str(part) for part in value)
    return "" if value is None else str(value).strip()


def numbers(value: object) -> list[float]:
    """Finite numbers of an element; empty unless all are finite."""
    parts = value if isinstance(value, MultiValue | list) else [value]
    try:
        found = [float(str(part)) for part in parts]
    except ValueError:
        return []
    return found if all(np.isfinite(found)) else []


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """Single whole number of an element, None if it has none."""
    found = numbers(dataset.get(keyword))
    return int(found[0]) if len(found) == 1 and found[0].is_integer() else None
