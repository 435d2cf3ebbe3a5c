import pytest

from triage import errors
from triage.errors import (
    ImageRejected,
    LedgerNotIntact,
    NotEnoughEvidence,
    RejectReason,
    SpecError,
    TriageError,
    unknown_name,
)


def test_a_message_says_where_what_and_how_to_mend_it() -> None:
    error = TriageError("is empty.", where="rows.csv", hint="Write a header.")
    assert str(error) == "rows.csv: is empty. Write a header."
    assert str(TriageError("is empty")) == "is empty"


def test_a_spec_error_lists_every_problem_on_its_own_line() -> None:
    error = SpecError("does not fit", where="x.yaml", problems=("row 2: a", "row 3: b"))
    assert str(error) == "x.yaml: does not fit\n  - row 2: a\n  - row 3: b"


def test_exit_codes() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, TriageError)
    ]
    assert len(classes) > 5
    others = {ImageRejected: 3, LedgerNotIntact: 4, NotEnoughEvidence: 5}
    assert {cls: int(cls.exit_code) for cls in classes} == dict.fromkeys(classes, 2) | others


def test_a_rejection_carries_its_code() -> None:
    with pytest.raises(TriageError) as caught:
        raise ImageRejected(RejectReason.EMPTY, "the file is empty", where="a.jpg")
    assert isinstance(caught.value, ImageRejected)
    assert caught.value.reason == "empty"
    assert str(caught.value) == "a.jpg: the file is empty"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("aples", "Did you mean apples?"), ("", "There are apples, pears."), ("zzz", "There are")],
)
def test_an_unknown_name_is_answered_by_the_nearest_or_by_all(name: str, hint: str) -> None:
    error = unknown_name("fruit", name, {"apples": 1, "pears": 2}, where="--fruit")
    assert isinstance(error, errors.UsageError)
    assert str(error).startswith(f"--fruit: there is no fruit {name!r}. {hint}")
    assert unknown_name("fruit", name, []).where is None
