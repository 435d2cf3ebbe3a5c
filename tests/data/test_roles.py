from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.make import make_spec
from triage.data.roles import RoleDraw, draw_roles
from triage.data.spec import DataSpec

seeds = st.integers(0, 2**31)


@st.composite
def specs(draw: st.DrawFn) -> DataSpec:
    train, validation, test = draw(
        st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(1, 4))
    )
    n = train + validation + test
    roles = {"acne": "inlier", "melanoma": "inlier", "fixed": "outlier_test"}
    roles |= {f"rare {k}": "auto" for k in range(n)}
    order = draw(st.permutations(list(roles)))
    return make_spec(
        {name: roles[name] for name in order},
        roles={"auto": {"train": train, "validation": validation, "test": test}},
    )


def parts(draw: RoleDraw) -> list[tuple[str, ...]]:
    return [draw.inliers, draw.train, draw.validation, draw.test]


@given(specs(), seeds)
def test_roles_are_disjoint_complete_and_of_the_sizes_asked_for(spec: DataSpec, seed: int) -> None:
    found = draw_roles(spec, seed)
    everyone = [name for part in parts(found) for name in part]
    assert sorted(everyone) == sorted(spec.by_name)
    assert spec.roles.auto is not None
    counts = spec.roles.auto
    assert len(found.train) == counts.train
    assert len(found.validation) == counts.validation
    assert len(found.test) == counts.test + 1
    assert "fixed" in found.test
    assert set(found.inliers) == {"acne", "melanoma"}
    assert found.classes == found.inliers + found.train
    place = list(spec.by_name).index
    assert all(place(a) < place(b) for part in parts(found) for a, b in pairwise(part))


@given(specs(), seeds)
def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_spec(
    spec: DataSpec, seed: int
) -> None:
    turned = spec.model_copy(update={"conditions": spec.conditions[::-1]})
    first, second = draw_roles(spec, seed), draw_roles(turned, seed)
    assert first == draw_roles(spec, seed)
    assert [set(part) for part in parts(first)] == [set(part) for part in parts(second)]


def test_different_seeds_differ_and_reach_every_condition() -> None:
    spec = make_spec()
    draws = [draw_roles(spec, seed) for seed in range(40)]
    assert len({draw.train for draw in draws}) > 5
    automatic = {c.name for c in spec.conditions if c.role == "auto"}
    for part in ("train", "validation", "test"):
        assert {name for draw in draws for name in getattr(draw, part)} == automatic


def test_the_specs_own_seed_is_the_default() -> None:
    spec = make_spec(roles={"seed": 5, "auto": {"train": 2, "validation": 1, "test": 2}})
    assert draw_roles(spec) == draw_roles(spec, 5)
    assert draw_roles(spec).seed == 5
    assert draw_roles(spec, 0).seed == 0


def test_role_of() -> None:
    draw = draw_roles(make_spec(), 1)
    assert draw.role_of("acne") == "inlier"
    assert {draw.role_of(name) for name in draw.train} == {"outlier_train"}
    assert {draw.role_of(name) for name in draw.validation} == {"outlier_validation"}
    assert {draw.role_of(name) for name in draw.test} == {"outlier_test"}
    with pytest.raises(KeyError):
        draw.role_of("unheard of")
