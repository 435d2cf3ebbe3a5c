from __future__ import annotations

import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.scores import SCORES, make_score
from triage.uncertainty.scores.knn import Knn
from triage.uncertainty.scores.vim import Vim


def test_a_score_by_its_name() -> None:
    assert make_score("vim") == Vim()
    assert make_score("vim", dimensions=12) == Vim(dimensions=12)
    assert isinstance(make_score("knn"), Knn)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("mahalanobi", "mahalanobis"),
        ("KNN", "knn"),
        ("max-softmax", "max_softmax"),
        ("vims", "vim"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"there is no score '{wrong}'. Did you mean {near}?"):
        make_score(wrong)


def test_an_empty_name() -> None:
    with pytest.raises(UsageError, match=r"there is no score ''. There are max_softmax, "):
        make_score("")


def test_settings_it_does_not_have() -> None:
    with pytest.raises(UsageError, match=r"vim: has no setting 'k'. Its settings are dimensions."):
        make_score("vim", k=3)
    with pytest.raises(UsageError, match=r"max_logit: has no setting 'k'. It has none."):
        make_score("max_logit", k=3)


def test_a_setting_of_the_wrong_type() -> None:
    with pytest.raises(UsageError, match="vim: a setting is of the wrong type"):
        make_score("vim", dimensions="many")


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("vim", {"dimensions": 2.5}),
        ("knn", {"k": float("nan")}),
        ("gen", {"largest": True}),
        ("gen", {"gamma": "0.1"}),
        ("energy", {"temperature": float("inf")}),
        ("energy", {"temperature": 10**400}),
        ("ddu", {"prior": 1}),
        ("morse", {"steps": None}),
    ],
)
def test_values_that_a_setting_cannot_have(key: str, settings: dict[str, object]) -> None:
    (name,) = settings
    with pytest.raises(UsageError, match=f"{key}: a setting .* {name} is .* Give "):
        make_score(key, **settings)


def test_numbers_of_numpy_become_plain() -> None:
    made = make_score("ddu", components=np.int64(3), prior=np.bool_(True), jitter=np.float32(0.5))
    assert made.settings() == {"components": 3, "prior": True, "jitter": 0.5}
    assert [type(value) for value in made.settings().values()] == [int, bool, float]
    assert make_score("ddu", components=None, jitter=1).settings()["jitter"] == 1.0


def test_the_table_has_a_row_a_score() -> None:
    lines = SCORES.markdown().splitlines()
    assert len(lines) == len(SCORES) + 2
    assert {line.count(" | ") for line in lines} == {6}
    for line, (key, score) in zip(lines[2:], SCORES.items(), strict=True):
        assert line.startswith(f"| `{key}` | {score.info.title}")
        assert line.endswith(f"| {score.info.source} |")
    assert "(baseline)" in lines[2]
