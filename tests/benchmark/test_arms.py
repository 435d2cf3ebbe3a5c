"""Arms of the benchmark: names there and back, what they are trained as, and what is refused."""

from __future__ import annotations

from itertools import product

import pytest

from triage.benchmark.arms import Arm
from triage.benchmark.methods import DEPLOYED, Method, heads_of, parse_methods
from triage.errors import UsageError
from triage.heads import HEADS, HeadKind
from triage.losses import CRITERIA
from triage.models.mixing import MIXINGS
from triage.models.settings import TrainSettings
from triage.posteriors import POSTERIORS

BASE = TrainSettings(backbones=("hf:none",), members=3, hidden=16)


def test_registries_share_no_option() -> None:
    names = [*CRITERIA, *MIXINGS, *POSTERIORS]
    assert len(names) == len(set(names))


def test_candidates_of_an_arm_may_vary() -> None:
    arm = Arm.parse("hod+varied+focal")
    assert arm.name == "hod+focal+varied"
    settings = arm.settings(BASE)
    assert (settings.hyperparameters, settings.criterion) == ("varied", "focal")


@pytest.mark.parametrize("kind", HeadKind)
def test_a_head_is_an_arm(kind: HeadKind) -> None:
    arm = Arm.parse(str(kind))
    assert (arm.head, arm.options, arm.name) == (kind, (), str(kind))
    assert arm.info is HEADS[kind].info
    assert arm.settings(BASE) == BASE.model_copy(update={"head": kind})


@pytest.mark.parametrize(
    ("criterion", "mixing", "posterior"), list(product(("focal", "acls"), MIXINGS, POSTERIORS))
)
def test_names_go_there_and_back_in_any_order(criterion: str, mixing: str, posterior: str) -> None:
    arms = {
        Arm.parse("+".join(["hod", *options]))
        for options in (
            (criterion, mixing, posterior),
            (posterior, criterion, mixing),
            (mixing, posterior, criterion),
        )
    }
    (arm,) = arms
    assert Arm.parse(arm.name) == arm
    settings = arm.settings(BASE)
    chosen = settings.head, settings.criterion, settings.mixing, settings.posterior
    assert chosen == (HeadKind.HOD, criterion, mixing, posterior)
    assert settings.model_copy(
        update={"criterion": BASE.criterion, "mixing": BASE.mixing, "posterior": BASE.posterior}
    ) == BASE.model_copy(update={"head": HeadKind.HOD})


@pytest.mark.parametrize("kind", HeadKind)
def test_which_arms_have_mass_beyond_the_inliers(kind: HeadKind) -> None:
    expected = kind not in (
        HeadKind.SOFTMAX, HeadKind.OUTLIER_EXPOSURE, HeadKind.HETEROSCEDASTIC
    )  # fmt: skip
    assert Arm.parse(str(kind)).info.has_outlier_mass == expected
    assert Arm.parse(f"{kind}+mixup").info.has_outlier_mass == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outlier_mass@hodd", "Did you mean hod?"),
        ("outlier_mass@hod+mixupp", "Did you mean mixup?"),
        ("energy@softmax+foca", "Did you mean focal?"),
        ("energy@softmax+lapace", "Did you mean laplace?"),
        ("energy@zzzzzz", "There are softmax, reject, hod"),
        ("energy@hod+zzzzzz", "There are cross_entropy, focal"),
        ("energy@hod+", "There are cross_entropy, focal"),
        ("energy@", "energy@ names no head. Write energy, or energy@hod"),
        ("knn, temperature@ ", "temperature@ names no head"),
        ("energy@+mixup", "there is no head ''"),
        ("energy@hod+mixup+camixup", "hod+mixup+camixup: sets its mixing twice"),
        ("energy@hod+swa+swag", "sets its posterior twice"),
        ("energy@hod+focal+focal", "sets its criterion twice"),
        ("outlier_mass@softmax", "Use outlier_mass@reject or outlier_mass@hod."),
        ("outlier_mass@softmax+mixup", "needs a head with a class for outliers"),
        ("outlier_mass@outlier_exposure", "needs a head with a class for outliers"),
        ("heads@hod", "there is no method 'heads'"),
        ("combinaton@hod", "Did you mean combination?"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_methods(text)
    assert message in str(caught.value)


def test_options_that_do_not_go_together_name_the_arm() -> None:
    with pytest.raises(
        UsageError, match=r"^binary\+focal: .*the head binary has a loss of its own"
    ):
        Arm.parse("binary+focal").settings(BASE)
    with pytest.raises(UsageError, match=r"^sngp\+laplace: .* needs a plain perceptron"):
        Arm.parse("sngp+laplace").settings(BASE)
    finetune = BASE.model_copy(update={"mode": "finetune"})
    for option in ("mixup", "laplace"):
        with pytest.raises(UsageError, match=rf"hod\+{option}: .*frozen embeddings"):
            Arm.parse(f"hod+{option}").settings(finetune)


def test_heads_is_every_head_with_its_own_score() -> None:
    found = parse_methods("heads")
    assert [method.head for method in found] == [str(kind) for kind in HeadKind]
    for method in found:
        mass = Arm.parse(method.head).info.has_outlier_mass
        assert method.key == ("outlier_mass" if mass else "max_softmax")
    assert parse_methods(",".join(method.name for method in found)) == found
    assert parse_methods("heads,outlier_mass@hod") == found


def test_combination_works_on_what_is_deployed_unless_told() -> None:
    assert parse_methods("combination") == [Method("score", "combination", DEPLOYED)]
    assert parse_methods("combination@sngp+camixup") == [
        Method("score", "combination", "sngp+camixup")
    ]


def test_arms_are_trained_once_and_in_the_order_of_heads() -> None:
    methods = parse_methods("knn@hod+mixup,energy@hod+mixup,energy@softmax,outlier_mass@reject")
    assert heads_of(methods) == ["softmax", "reject", "hod+mixup"]
    assert heads_of([]) == [DEPLOYED]
    twice = parse_methods("energy@hod+mixup+focal,energy@hod+focal+mixup")
    assert len(twice) == 1
