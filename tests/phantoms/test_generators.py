from __future__ import annotations

from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from tests.data.make import make_spec
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.phantoms.generators import GENERATORS, Generator, generator_of


def test_every_generator_a_spec_can_name_is_there() -> None:
    named = [
        word
        for part in get_args(DataSpec.model_fields["generator"].annotation)
        for word in get_args(part)
    ]
    assert sorted(named) == sorted(GENERATORS)


def test_data_that_cannot_be_made() -> None:
    with pytest.raises(UsageError, match="--root"):
        generator_of(make_spec())


@pytest.mark.parametrize("name", GENERATORS)
def test_training_data_and_inbox_share_no_patient(name: str, tmp_path: Path) -> None:
    size = 32 if name == "skin_phantoms" else (4, 32, 32)
    write = GENERATORS[name].write
    small = Generator(lambda *given, **more: write(*given, size=size, **more), cases=6, inbox=4)
    reported: list[tuple[str, int, int]] = []
    folder = small.generate(tmp_path / "data", None, lambda *step: reported.append(step))
    known = pd.read_csv(folder / "manifest.csv")
    inbox = pd.read_csv(small.fill_inbox(tmp_path / "inbox", lambda *_: None))
    assert known["case_id"].nunique() == 6
    assert reported[-1] == ("drawing phantoms", 6, 6)
    assert inbox["case_id"].nunique() == 4
    assert "condition" not in inbox.columns
    assert not {*known["patient_id"]} & {*inbox["patient_id"]}
    fewer = small.generate(tmp_path / "fewer", 3, lambda *_: None)
    assert pd.read_csv(fewer / "manifest.csv")["case_id"].nunique() == 3
