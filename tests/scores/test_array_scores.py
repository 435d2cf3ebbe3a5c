"""Scores on arrays give the numbers of the formulas, and refuse what is no such array."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.scores import (
    KNN,
    NOT_AVAILABLE,
    SCORES,
    ArrayScore,
    Energy,
    Mahalanobis,
    MaxSoftmax,
    OutlierMass,
    RelativeMahalanobis,
    ViM,
)
from triage.scores.array_score import (
    EmbeddingArrayScore,
    FeatureArrayScore,
    LogitArrayScore,
    ProbabilityArrayScore,
)
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import SCORES as FORMULAS

N, M, C, D = 80, 3, 4, 6
GENERATOR = np.random.default_rng(7)
EMBEDDINGS = GENERATOR.normal(size=(N, D))
WEIGHT, BIAS = GENERATOR.normal(size=(M, C, D)), GENERATOR.normal(size=(M, C))
LOGITS = np.einsum("nd,mcd->nmc", EMBEDDINGS, WEIGHT) + BIAS
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=2, keepdims=True)
LABELS = np.arange(N) % C
TEST = GENERATOR.normal(size=(20, D)) * 2
TEST_LOGITS = np.einsum("nd,mcd->nmc", TEST, WEIGHT) + BIAS
both_forms = pytest.mark.parametrize("members", [1, M])


def made(name: str) -> Any:
    return OutlierMass(n_inliers=C - 1) if name == "OutlierMass" else SCORES[name]()


def formula(name: str) -> Any:
    return FORMULAS[made(name).key]()


def of_kind(base: type[ArrayScore]) -> Any:
    names = [name for name, kind in SCORES.items() if issubclass(kind, base)]
    return pytest.mark.parametrize("name", names)


def heads(members: int) -> tuple[MemberHead, ...]:
    return tuple(MemberHead.linear(WEIGHT[m], BIAS[m]) for m in range(members))


def shaped(array: NDArray[Any], members: int) -> NDArray[Any]:
    """[N, C] of one member, [N, M, C] of several."""
    return array[:, 0] if members == 1 else array


def test_every_score_is_here_or_needs_a_network() -> None:
    assert {made(name).key for name in SCORES} | {*NOT_AVAILABLE} == {*FORMULAS}


@pytest.mark.parametrize("name", SCORES)
def test_settings_and_defaults_are_those_of_the_formula(name: str) -> None:
    ours = {
        key: each.default
        for key, each in inspect.signature(SCORES[name]).parameters.items()
        if key != "n_inliers"
    }
    assert ours == {each.name: each.default for each in dataclasses.fields(formula(name))}
    assert repr(made(name)).startswith(f"{name}(")


# The numbers of the formulas


@of_kind(ProbabilityArrayScore)
@both_forms
def test_probability_scores(name: str, members: int) -> None:
    n_inliers = C - 1 if name == "OutlierMass" else C
    seen = Observations(n_inliers=n_inliers, probabilities=PROBABILITIES[:, :members])
    expected = formula(name).score(seen)
    np.testing.assert_array_equal(made(name).score(shaped(PROBABILITIES, members)), expected)
    by_logits = made(name).score(logits=shaped(LOGITS, members))
    np.testing.assert_allclose(by_logits, expected, rtol=1e-6, atol=1e-9)


@of_kind(LogitArrayScore)
@both_forms
def test_logit_scores(name: str, members: int) -> None:
    seen = Observations(n_inliers=C, embedding=EMBEDDINGS, heads=heads(members))
    found = made(name).score(shaped(LOGITS, members))
    np.testing.assert_allclose(found, formula(name).score(seen), rtol=1e-6, atol=1e-9)


@of_kind(FeatureArrayScore)
@both_forms
@pytest.mark.parametrize("by", ["logits", "last_layer"])
def test_feature_scores(name: str, members: int, by: str) -> None:
    layer = (WEIGHT[0], BIAS[0]) if members == 1 else (WEIGHT, BIAS)
    given = {"logits": shaped(LOGITS, members)} if by == "logits" else {"last_layer": layer}
    seen = Observations(n_inliers=C, embedding=EMBEDDINGS, heads=heads(members))
    cases = Observations(n_inliers=C, embedding=TEST, heads=heads(members))
    expected = formula(name).fit(seen, LABELS).score(cases)
    score = made(name).fit(EMBEDDINGS, LABELS, **given)
    np.testing.assert_allclose(score.score(TEST), expected, rtol=1e-4, atol=1e-6)
    checked = score.score(TEST, logits=shaped(TEST_LOGITS, members))
    np.testing.assert_array_equal(checked, score.score(TEST))


@of_kind(EmbeddingArrayScore)
def test_embedding_scores(name: str) -> None:
    seen = Observations(n_inliers=C, embedding=EMBEDDINGS)
    cases = Observations(n_inliers=C, embedding=TEST)
    expected = formula(name).fit(seen, LABELS).score(cases)
    for labels in (LABELS, np.array(list("abcd"))[LABELS]):
        found = made(name).fit(EMBEDDINGS, labels).score(TEST)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@of_kind(EmbeddingArrayScore)
def test_embeddings_of_members_are_blocks(name: str) -> None:
    both, test = (np.stack([array, 2 * array + 1], axis=1) for array in (EMBEDDINGS, TEST))
    blocks = (slice(0, D), slice(D, 2 * D))
    seen = Observations(n_inliers=C, embedding=both.reshape(N, -1), blocks=blocks)
    cases = Observations(n_inliers=C, embedding=test.reshape(len(test), -1), blocks=blocks)
    expected = formula(name).fit(seen, LABELS).score(cases)
    found = made(name).fit(both, LABELS).score(test)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_outlier_classes_are_left_out_of_the_energy() -> None:
    expected = Energy().score(LOGITS[:, :, :2])
    np.testing.assert_allclose(Energy(n_inliers=2).score(LOGITS), expected, rtol=1e-9)


def test_lists_and_narrow_floats_are_taken() -> None:
    assert MaxSoftmax().score([[1, 0]]).tolist() == [0.0]
    half = ViM().fit(EMBEDDINGS.astype(np.float16), LABELS, last_layer=(WEIGHT[0], BIAS[0]))
    assert np.isfinite(half.score(TEST.astype(np.float16))).all()


def test_features_that_are_always_zero_do_not_hinder_the_last_layer() -> None:
    dead = np.column_stack([EMBEDDINGS, np.zeros(N), EMBEDDINGS[:, 0]])
    score = ViM(dimensions=2).fit(dead, LABELS, logits=LOGITS[:, 0])
    test = np.column_stack([TEST, np.zeros(len(TEST)), TEST[:, 0]])
    assert np.isfinite(score.score(test, logits=TEST_LOGITS[:, 0])).all()


def test_tensors_are_taken_or_refused() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor(LOGITS)
    np.testing.assert_array_equal(Energy().score(logits), Energy().score(LOGITS))
    refused(lambda: Energy().score(logits.requires_grad_()), "no array")


# Bad input


def refused(call: Any, *words: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.where
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message


def with_nan(array: NDArray[Any]) -> NDArray[Any]:
    changed = array.astype(float)
    changed[(5, *(0 for _ in changed.shape[1:]))] = np.nan
    return changed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (PROBABILITIES[0, 0], ("shape (4,)", "[N, columns]")),
        (PROBABILITIES[None], ("shape (1, 80, 3, 4)",)),
        (np.zeros((0, 3)), ("empty",)),
        (np.ones((3, 1)), ("one class only",)),
        ([[0.5, 0.5], [0.4, 0.4]], ("sum to one", "1 of 2", "row 1")),
        ([[1.5, -0.5]], ("negative", "logits=")),
        (with_nan(PROBABILITIES), ("NaN", "1 of 80", "row 5")),
        ([["a", "b"]], ("of numbers",)),
        ([[0.5, 0.5], [1.0]], ("array",)),
        (None, ("probabilities or logits",)),
    ],
)
def test_what_is_no_array_of_probabilities(given: Any, words: tuple[str, ...]) -> None:
    refused(lambda: MaxSoftmax().score(given), *words)


def test_either_probabilities_or_logits() -> None:
    refused(lambda: MaxSoftmax().score(PROBABILITIES, logits=LOGITS), "either")


@pytest.mark.parametrize("given", [LOGITS[0, 0], with_nan(LOGITS), LOGITS[:, :, :1]])
def test_what_is_no_array_of_logits(given: Any) -> None:
    refused(lambda: Energy().score(given), "logits")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS[:-1], ("79 labels for 80 cases",)),
        (LABELS[:, None], ("shape (80, 1)",)),
        (LABELS - 1, ("negative",)),
        (LABELS + 0.5, ("whole numbers",)),
        (with_nan(LABELS), ("missing",)),
        ([None] * N, ("missing",)),
    ],
)
def test_what_are_no_labels(labels: Any, words: tuple[str, ...]) -> None:
    refused(lambda: Mahalanobis().fit(EMBEDDINGS, labels), *words)
    refused(lambda: ViM().fit(EMBEDDINGS, labels, logits=LOGITS), *words)


def test_labels_that_no_class_has() -> None:
    wrong = np.where(np.arange(N) == 0, C, LABELS)
    refused(lambda: ViM().fit(EMBEDDINGS, wrong, logits=LOGITS), f"label {C}", "0 to 3")
    text = LABELS.astype(str)
    refused(lambda: ViM().fit(EMBEDDINGS, text, logits=LOGITS), "text", "number")


def test_one_class_only() -> None:
    alike = np.zeros(N, dtype=int)
    refused(lambda: RelativeMahalanobis().fit(EMBEDDINGS, alike), "one class only")
    assert np.isfinite(KNN().fit(EMBEDDINGS, alike).score(TEST)).all()


def test_before_fit_and_other_shapes() -> None:
    refused(lambda: Mahalanobis().score(TEST), "not fitted", "fit")
    refused(lambda: ViM().score(TEST), "not fitted", "fit")
    score = Mahalanobis().fit(EMBEDDINGS, LABELS)
    refused(lambda: score.score(TEST[:, :3]), "width 6")
    refused(lambda: score.score(with_nan(TEST)), "NaN")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "logits or last_layer"),
        ({"last_layer": WEIGHT[0]}, "pair"),
        ({"last_layer": (WEIGHT[0][:, :2], BIAS[0])}, "width 6"),
        ({"last_layer": (WEIGHT[0], np.full(C, np.nan))}, "NaN"),
        ({"last_layer": (WEIGHT[0][:0], BIAS[0][:0])}, "no class"),
        ({"logits": LOGITS[:-1]}, "79 cases"),
        ({"logits": np.sin(LOGITS)}, "no linear function"),
        ({"logits": LOGITS[:, 1], "last_layer": (WEIGHT[0], BIAS[0])}, "no linear function"),
    ],
)
def test_what_is_no_last_layer(given: Any, words: str) -> None:
    refused(lambda: ViM().fit(EMBEDDINGS, LABELS, **given), words)


def test_too_few_cases_to_determine_the_last_layer() -> None:
    few = slice(0, D)
    refused(
        lambda: ViM().fit(EMBEDDINGS[few], LABELS[few], logits=LOGITS[few]),
        f"the last layer of {D} features cannot be determined from {D} cases",
        f"{D + 1} cases",
    )


def test_logits_of_another_network() -> None:
    score = ViM().fit(EMBEDDINGS, LABELS, logits=LOGITS)
    refused(lambda: score.score(TEST, logits=TEST_LOGITS[:, ::-1]), "no linear function")
    refused(lambda: score.score(TEST, logits=TEST_LOGITS[:, 0]), "shape (20, 1, 4)")


@pytest.mark.parametrize("n_inliers", [0, C + 1, -1, "two", 1.5])
def test_numbers_of_inlier_classes_that_cannot_be(n_inliers: Any) -> None:
    refused(lambda: Energy(n_inliers=n_inliers).score(LOGITS), "n_inliers", "4 classes")


def test_settings_out_of_bounds_or_of_another_type() -> None:
    refused(lambda: ViM(dimensions=0), "at least one")
    refused(lambda: ViM(dimensions="many"), "type")  # type: ignore[arg-type]
    refused(lambda: Energy(temperature=-1.0), "positive")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ViM", {"dimensions": 2.5}),
        ("GEN", {"largest": 2.5}),
        ("Morse", {"steps": 1.5}),
        ("Morse", {"seed": -1}),
        ("KNN", {"k": float("nan")}),
        ("KNN", {"k": 2.5}),
        ("KNN", {"k": True}),
        ("Energy", {"temperature": float("inf")}),
        ("ODIN", {"epsilon": "0.1"}),
        ("DDU", {"prior": "no"}),
    ],
)
def test_settings_of_the_wrong_type(name: str, settings: dict[str, Any]) -> None:
    (setting,) = settings
    refused(lambda: SCORES[name](**settings), f"{name}: ", setting)


def test_messages_name_the_class_that_was_called() -> None:
    refused(lambda: Mahalanobis().fit(EMBEDDINGS[:1], LABELS[:1]), "Mahalanobis: 1 training case ")
    refused(lambda: ViM(dimensions=D).fit(EMBEDDINGS, LABELS, logits=LOGITS), "ViM: 6 principal")
    fitted = Mahalanobis().fit(EMBEDDINGS, LABELS)
    with np.errstate(all="ignore"):
        refused(lambda: fitted.score(1e300 * TEST), "Mahalanobis: ", "finite")
    refused(lambda: KNN(k=0), "KNN: k is 0")


def test_what_messages_say() -> None:
    no_outliers = OutlierMass(n_inliers=C)
    refused(lambda: no_outliers.score(PROBABILITIES), "OutlierMass: ", f"n_inliers below {C}")
    alike = np.zeros(N, dtype=int)
    refused(lambda: RelativeMahalanobis().fit(EMBEDDINGS, alike), "one class only, 0.")
    refused(lambda: MaxSoftmax().score(PROBABILITIES, logits=LOGITS), "both given", "either")
    refused(lambda: Mahalanobis().fit(EMBEDDINGS[:1], []), "0 labels for 1 case")
    refused(lambda: Energy(n_inliers=True).score(LOGITS), "n_inliers is True")


def test_a_ragged_last_layer() -> None:
    ragged = [[1.0, 2.0], [3.0]]
    refused(
        lambda: ViM().fit(EMBEDDINGS, LABELS, last_layer=(ragged, BIAS[0])),
        "the weights of last_layer are no array",
    )
    refused(
        lambda: ViM().fit(EMBEDDINGS, LABELS, last_layer=(WEIGHT[0], ragged)),
        "the biases of last_layer are no array",
    )


@pytest.mark.parametrize("dtype", ["float16", "longdouble", ">f8", ">f4"])
@pytest.mark.parametrize("name", SCORES)
def test_floats_of_every_width_are_taken(name: str, dtype: str) -> None:
    # float16 is what is rounded; the others hold these values as they are
    rounded = [array.astype(np.float16) for array in (EMBEDDINGS, TEST, WEIGHT[0], BIAS[0])]

    def scores(kind: Any) -> Any:
        embeddings, test, weight, bias = (array.astype(kind) for array in rounded)
        score = made(name)
        if isinstance(score, ProbabilityArrayScore):
            return score.score(logits=test)
        if isinstance(score, LogitArrayScore):
            return score.score(test)
        layer = {"last_layer": (weight, bias)} if isinstance(score, FeatureArrayScore) else {}
        return score.fit(embeddings, LABELS, **layer).score(test)

    np.testing.assert_allclose(scores(dtype), scores(np.float64), rtol=1e-3, atol=1e-3)


def test_values_beyond_float64_are_refused() -> None:
    wide = np.full((2, 3), np.longdouble(10) ** 400)
    if not np.isfinite(wide).all():
        pytest.skip("long double is float64 here")
    refused(lambda: Energy().score(wide), "infinity")


def test_masked_values_are_refused() -> None:
    def masked(array: NDArray[Any]) -> Any:
        return np.ma.masked_array(array, mask=np.arange(array.size).reshape(array.shape) == 3)

    refused(lambda: MaxSoftmax().score(masked(PROBABILITIES)), "probabilities hold masked values")
    refused(lambda: Energy().score([masked(LOGITS[0])]), "logits hold masked values")
    refused(lambda: KNN().fit(masked(EMBEDDINGS), LABELS), "embeddings hold masked values")
    refused(lambda: KNN().fit(EMBEDDINGS, masked(LABELS)), "labels hold masked values")
    layer = (masked(WEIGHT[0]), BIAS[0])
    refused(lambda: ViM().fit(EMBEDDINGS, LABELS, last_layer=layer), "hold masked values")
    unmasked = np.ma.masked_array(LOGITS)
    np.testing.assert_array_equal(Energy().score(unmasked), Energy().score(LOGITS))
