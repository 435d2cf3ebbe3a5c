from __future__ import annotations

import pytest

from triage.benchmark.methods import Method, parse_methods
from triage.errors import UsageError
from triage.heads import HeadKind
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.scores import SCORES


def test_all_names_every_registered_method() -> None:
    found = {(method.kind, method.key) for method in parse_methods("all")}
    assert found == {
        *(("score", key) for key in (*SCORES, COMBINATION)),
        *(("calibrator", key) for key in CALIBRATORS),
        *(("conformal", key) for key in CONFORMAL),
    }


def test_registries_share_no_name() -> None:
    names = [*SCORES, COMBINATION, *CALIBRATORS, *CONFORMAL]
    assert len(names) == len(set(names))


def test_heads() -> None:
    assert parse_methods("energy, energy@hod") == [
        Method("score", "energy", HeadKind.SOFTMAX),
        Method("score", "energy", HeadKind.HOD),
    ]
    assert {method.head for method in parse_methods("outlier_mass")} == {
        HeadKind.REJECT,
        HeadKind.HOD,
    }
    assert parse_methods("knn,knn") == [Method("score", "knn", HeadKind.SOFTMAX)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mahalonobis", "Did you mean mahalanobis?"),
        ("energy@hodd", "there is no head 'hodd'"),
        ("outlier_mass@softmax", "needs a head with a class for outliers"),
        (" , ", "no method is named"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_methods(text)
    assert message in str(caught.value)
