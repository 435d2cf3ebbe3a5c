from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.uncertainty.scores.make import fitted
from triage.array_file import save_arrays
from triage.errors import UsageError
from triage.uncertainty.scores import make_score
from triage.uncertainty.scores.score_file import load_score, save_score


def test_what_was_learned_comes_back_exactly(tmp_path: Path) -> None:
    score = fitted(make_score("vim", dimensions=3))
    save_score(tmp_path / "vim.safetensors", score)
    loaded = load_score(tmp_path / "vim.safetensors")
    assert loaded == make_score("vim", dimensions=3)
    assert loaded.states is not None
    assert score.states is not None
    assert len(loaded.states) == len(score.states) == 2
    for found, state in zip(loaded.states, score.states, strict=True):
        assert found.keys() == state.keys()
        for name, array in state.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert np.array_equal(found[name], array)


def test_one_that_was_not_fitted(tmp_path: Path) -> None:
    save_score(tmp_path / "knn", make_score("knn"))
    assert load_score(tmp_path / "knn").states is None


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        load_score(tmp_path / "none")
    with pytest.raises(UsageError, match="there is no such file"):
        load_score(tmp_path)


@pytest.mark.parametrize("place", [3, 60, -1])
def test_a_damaged_file(place: int, tmp_path: Path) -> None:
    path = tmp_path / "score"
    save_score(path, fitted(make_score("react")))
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not a score, or is damaged"):
        load_score(path)
    path.write_bytes(content[:40])
    with pytest.raises(UsageError, match="is not a score, or is damaged"):
        load_score(path)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a score")
    save_arrays(tmp_path / "arrays", {"a": np.ones(3)}, {"format": "something-else"})
    for name in ("text", "arrays"):
        with pytest.raises(UsageError, match="is not a score"):
            load_score(tmp_path / name)


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        save_score(tmp_path / "file" / "score", make_score("knn"))
