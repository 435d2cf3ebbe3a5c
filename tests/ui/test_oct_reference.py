from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.make_oct import SMALL, reading_of, write_volume
from triage.errors import SpecError
from triage.oct_reading import Measurement
from ui.oct_reading_payload import describe_reading
from ui.oct_reference import OctReference, by_deviation, load_oct_reference
from ui.payload import Payload

CENTRE = "central subfield thickness"
TEXT = f"""
source: A made study
measurements:
  {CENTRE}: {{mean: 270, sd: 20, unit: um}}
  subretinal fluid volume: {{mean: 0, sd: 1.5, unit: nl}}
"""


def measured(name: str, value: float | None, unit: str = "um") -> Measurement:
    return Measurement(name=name, unit=unit, value=value, low=None, high=None)


def loaded(folder: Path, text: str = TEXT) -> OctReference:
    path = folder / "reference.yaml"
    path.write_text(text)
    return load_oct_reference(path)


def test_the_farthest_from_the_reference_is_first(tmp_path: Path) -> None:
    rows = (
        measured("without one", 5),
        measured(CENTRE, 310),
        measured("subretinal fluid volume", 15, "nl"),
        measured("also without", 1),
    )
    found = by_deviation(rows, loaded(tmp_path))
    assert [(one.name, deviation) for one, deviation in found] == [
        ("subretinal fluid volume", 10.0),
        (CENTRE, 2.0),
        ("without one", None),
        ("also without", None),
    ]
    assert [one for one, _ in by_deviation(rows, None)] == list(rows)


@pytest.mark.parametrize(
    "row", [measured(CENTRE, None), measured(CENTRE, 0.3, "mm"), measured("unknown", 1)]
)
def test_no_deviation_without_a_value_in_the_same_unit(row: Measurement, tmp_path: Path) -> None:
    assert loaded(tmp_path).deviation(row) is None


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("sd: 20", "sd: 0"),
        TEXT.replace("mean: 270", "mean: .nan"),
        TEXT.replace("source: A made study", ""),
        TEXT.replace("unit: um", "units: um"),
        "- a list",
        "{",
    ],
)
def test_a_broken_reference_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        loaded(tmp_path, text)


def test_the_table_says_the_deviation_or_no_reference(tmp_path: Path) -> None:
    reading = reading_of(write_volume(tmp_path / "a.npz"), SMALL)
    given = {"with_opinion": False, "superior_first": False}
    plain = describe_reading(reading, Payload(), **given)
    assert {row[4] for row in plain["measurements"]} == {"no reference"}
    assert "No reference" in plain["reference"]
    reference = loaded(tmp_path)
    found = describe_reading(reading, Payload(), **given, reference=reference)
    assert found["reference"] == "Reference: A made study."
    assert found["measurements"][0][4].endswith(" SD")
    assert found["measurements"][-1][4] == "no reference"
    assert sorted(row[0] for row in found["measurements"]) == sorted(
        row[0] for row in plain["measurements"]
    )
