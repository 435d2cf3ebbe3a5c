import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from triage.data.clusters import cluster_names, joined_names

values = st.sampled_from(["", "a", "b", "c", "d", "e", "f"])
tables = st.lists(st.tuples(values, values, values), min_size=1, max_size=14)


def name_rows(rows: list[tuple[str, str, str]]) -> list[str]:
    columns = zip(*rows, strict=True)
    return cluster_names(
        {
            name: pd.Series(list(column), index=range(10, 10 + len(rows)))
            for name, column in zip(("z", "y", "x"), columns, strict=True)
        }
    )


def brute_force(rows: list[tuple[str, str, str]]) -> list[int]:
    """Merge labels until nothing changes."""
    label = list(range(len(rows)))
    changed = True
    while changed:
        changed = False
        for i, first in enumerate(rows):
            for j, second in enumerate(rows):
                touch = any(a == b != "" for a, b in zip(first, second, strict=True))
                if touch and label[i] != label[j]:
                    label[i] = label[j] = min(label[i], label[j])
                    changed = True
    return label


@given(tables)
def test_the_same_partition_as_brute_force(rows: list[tuple[str, str, str]]) -> None:
    names, labels = name_rows(rows), brute_force(rows)
    for i in range(len(rows)):
        for j in range(len(rows)):
            assert (names[i] == names[j]) == (labels[i] == labels[j])


@given(tables, st.randoms())
def test_names_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[str, str, str]], random: object
) -> None:
    rows = [row for row in rows if any(row)]
    if not rows:
        return
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight, shuffled = name_rows(rows), name_rows([rows[k] for k in order])
    assert [straight[k] for k in order] == shuffled


@given(tables)
def test_the_name_is_the_smallest_value_of_the_first_column_that_has_one(
    rows: list[tuple[str, str, str]],
) -> None:
    names, labels = name_rows(rows), brute_force(rows)
    for row, name in enumerate(names):
        mates = [rows[k] for k in range(len(rows)) if labels[k] == labels[row]]
        for place, title in enumerate("zyx"):
            if found := [mate[place] for mate in mates if mate[place]]:
                assert name == f"{title}:{min(found)}"
                break
        else:
            assert name == f"row:{row}"


def test_columns_do_not_mix() -> None:
    # "a" as a patient and "a" as a group are different things
    assert len(set(name_rows([("a", "", ""), ("", "a", ""), ("", "", "a")]))) == 3


def test_a_further_case_keeps_the_name_of_its_patient() -> None:
    one = cluster_names({"patient": pd.Series(["p", "p"]), "case": pd.Series(["5", "6"])})
    more = cluster_names({"patient": pd.Series(["p"] * 3), "case": pd.Series(["5", "6", "1"])})
    assert {*one, *more} == {"patient:p"}


def test_joined_names_follow_every_chain() -> None:
    names = ["d", "a", "b", "c", "a"]
    assert joined_names(names, [("d", "c"), ("c", "b")]) == ["b", "a", "b", "b", "a"]
    assert joined_names(names, []) == names
    assert joined_names(["x", "y"], [("x", "absent")]) == ["absent", "y"]
