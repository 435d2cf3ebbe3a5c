"""Values of DICOM elements, whatever a file made of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence


def distinct(groups: Iterable[Dataset], sequence: str, keyword: str) -> list[str]:
    """What functional groups say of one attribute, each value once."""
    said = (text_of(macro(group, sequence).get(keyword)) for group in groups)
    return list(dict.fromkeys(text for text in said if text))


def macro(group: Dataset, keyword: str) -> Dataset:
    """The first item of a functional group's sequence, empty where there is none."""
    return next(iter(items(group, keyword)), Dataset())


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none where the element is missing or no sequence."""
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []


def text_of(value: object) -> str:
    """An element's value as text, several joined as in the file, '' where there is none."""
    if isinstance(value, MultiValue):
        return "\\".join(str(part) for part in value)
    return "" if value is None else str(value).strip()


def numbers(value: object) -> list[float]:
    """Finite numbers of an element; none, unless all are."""
    parts = value if isinstance(value, MultiValue | list) else [value]
    try:
        found = [float(str(part)) for part in parts]
    except ValueError:
        return []
    return found if all(np.isfinite(found)) else []


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """An element's one whole number, None where it has none."""
    found = numbers(dataset.get(keyword))
    return int(found[0]) if len(found) == 1 and found[0].is_integer() else None
