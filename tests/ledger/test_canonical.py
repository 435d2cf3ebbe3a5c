"""The canonical text against the examples of RFC 8785, and by its inverse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.ledger.canonical import (
    FIRST_PREVIOUS,
    CanonicalTextError,
    canonical_text,
    event_text,
    text_hash,
    time_text,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def test_the_examples_of_the_standard() -> None:
    numbers = [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001]
    assert canonical_text(numbers) == "[333333333.3333333,1e+30,4.5,0.002,1e-27]"
    assert canonical_text(56.0) == "56"
    assert canonical_text({"\r": 1, "1": 2, "\n": 3}) == r'{"\n":3,"\r":1,"1":2}'
    # By UTF-16 code units, not by code points.
    assert canonical_text({"\ufb33": 1, "\U0001f602": 2}) == '{"\U0001f602":2,"\ufb33":1}'
    assert canonical_text('\u20ac$\x0f\nA\'B"\\"/\x7f\u2028') == (
        '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/\x7f\u2028"'
    )
    assert canonical_text("A\u030a") == '"A\u030a"'


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {"\udfff": 1}, {1: 2}, b"x", {1, 2}],
)
def test_what_has_no_canonical_text_is_refused(value: object) -> None:
    with pytest.raises(CanonicalTextError) as caught:
        canonical_text({"payload": [value]})
    assert str(value) not in str(caught.value)


@given(VALUES)
def test_the_text_gives_the_value_back_and_is_its_only_text(value: object) -> None:
    text = canonical_text(value)
    assert json.loads(text) == value
    assert canonical_text(json.loads(text)) == text


@given(
    seq=st.integers(1, 2**31),
    actor=TEXTS,
    kind=TEXTS,
    case=st.none() | st.integers(1, 2**31),
    payload=st.dictionaries(TEXTS, VALUES, max_size=4),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_the_composed_text_of_an_event_is_canonical(
    seq: int, actor: str, kind: str, case: int | None, payload: dict[str, object], at: datetime
) -> None:
    text = event_text(
        seq=seq,
        at=time_text(at),
        actor=actor,
        kind=kind,
        case_id=case,
        payload=canonical_text(payload),
        previous=FIRST_PREVIOUS,
    )
    whole = {
        "seq": seq,
        "at": time_text(at),
        "actor": actor,
        "kind": kind,
        "case": case,
        "payload": payload,
        "previous": "0" * 64,
    }
    assert text == canonical_text(whole)
    assert text_hash(text) == sha256(canonical_text(whole).encode()).hexdigest()


def test_times_are_in_utc_with_microseconds() -> None:
    zone = timezone(timedelta(hours=2))
    assert time_text(datetime(2025, 6, 2, 1, 30, tzinfo=zone)) == "2025-06-01T23:30:00.000000Z"
    with pytest.raises(CanonicalTextError, match="time zone"):
        time_text(datetime(2025, 6, 2))
