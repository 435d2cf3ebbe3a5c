import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.morse import Morse, loss, potential


def draw_weights(dtype: type = np.float64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"weight1": (4, 6), "bias1": (6,), "weight2": (6, 3), "bias2": (3,)}
    return {name: rng.normal(0, 0.5, shape).astype(dtype) for name, shape in shapes.items()}


def run(morse: Morse, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    morse.fit(Observations(1, embedding=train), np.zeros(len(train), int))
    return morse.score(Observations(1, embedding=test))


@pytest.mark.parametrize("name", ["weight1", "bias1", "weight2", "bias2"])
def test_gradients_against_finite_differences(name: str) -> None:
    rng = np.random.default_rng(1)
    cases, uniform, scale, step = rng.normal(size=(7, 4)), rng.normal(size=(9, 4)), 0.7, 1e-6
    weights = draw_weights()
    found = loss(weights, cases, uniform, scale)[1][name]
    for place in np.ndindex(found.shape):
        sides = []
        for way in (step, -step):
            moved = {key: value.copy() for key, value in weights.items()}
            moved[name][place] += way
            sides.append(loss(moved, cases, uniform, scale)[0])
        assert found[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-7)


def test_the_loss_by_its_definition() -> None:
    rng = np.random.default_rng(2)
    cases, uniform, weights = rng.normal(size=(5, 4)), rng.normal(size=(8, 4)), draw_weights()

    def density(x: np.ndarray) -> float:
        hidden = [
            max(0.0, float(x @ w + b))
            for w, b in zip(weights["weight1"].T, weights["bias1"], strict=True)
        ]
        phi = np.array(hidden) @ weights["weight2"] + weights["bias2"]
        return float(np.exp(-(0.7**2) / 2 * np.linalg.norm(phi) ** 2))

    expected = -np.mean([np.log(density(x)) for x in cases])
    expected += np.mean([density(x) for x in uniform])
    assert loss(weights, cases, uniform, 0.7)[0] == pytest.approx(expected)
    np.testing.assert_allclose(
        potential(weights, cases, 0.7), [-np.log(density(x)) for x in cases], rtol=1e-9
    )


def test_training_separates_a_ring_from_the_box_around_it() -> None:
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, 2 * np.pi, 400)
    train = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(400, 2))
    hole_and_corners = np.array([[0, 0], [1, 1], [-1, 1], [1, -1], [-1, -1], [3, 3]])
    morse = Morse(steps=2000, rate=0.01)
    inside, outside = run(morse, train, train), run(morse, train, hole_and_corners)
    assert outside.min() > np.quantile(inside, 0.95)


def test_the_same_seed_gives_the_same_numbers() -> None:
    train = np.random.default_rng(4).normal(size=(60, 10))
    one, again, other = (run(Morse(seed=seed, steps=50), train, train) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_far_cases_do_not_saturate() -> None:
    train = np.random.default_rng(5).normal(size=(200, 6))
    direction = np.ones((1, 6))
    found = run(Morse(), train, direction * np.array([[1], [10], [100], [1000]]))
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("name", ["components", "hidden", "outputs", "scale", "steps", "rate"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"morse: {name} is not above 0"):
        Morse(**{name: 0})


def test_a_negative_seed() -> None:
    with pytest.raises(UsageError, match="morse: the seed is -1"):
        Morse(seed=-1)
