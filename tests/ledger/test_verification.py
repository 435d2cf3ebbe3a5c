"""Every single change of a chain is found; checkpoints find what a chain alone cannot show."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.chains import LEDGER, START, chain, root, sealed
from triage.ledger.canonical import time_text
from triage.ledger.checkpoints import Checkpoint, CheckpointFile, sign_checkpoint
from triage.ledger.findings import FindingKind
from triage.ledger.keys import SigningKey, make_key
from triage.ledger.verification import StoredEvent, verify_chain


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return make_key(tmp_path_factory.mktemp("keys") / "key")


def checkpoint(key: SigningKey, rows: list[StoredEvent], **changes: object) -> Checkpoint:
    stated = {"ledger": LEDGER, "seq": len(rows), "head": rows[-1].hash, "root": root(rows)}
    stated["at"] = datetime.fromisoformat(rows[-1].at)
    return sign_checkpoint(key, **(stated | changes))  # type: ignore[arg-type]


def file_of(*records: Checkpoint) -> CheckpointFile:
    return CheckpointFile(tuple(enumerate(records, start=1)))


def kinds(rows: list[StoredEvent], file: CheckpointFile | None = None) -> set[FindingKind]:
    return {each.kind for each in verify_chain(rows, file).findings}


def test_an_intact_chain(key: SigningKey) -> None:
    rows = chain(20)
    alone = verify_chain(rows)
    assert alone.intact
    assert (alone.events, alone.ledger, alone.root) == (20, LEDGER, root(rows))
    assert alone.unsealed == 20
    assert len(alone.unseen) == 3
    found = verify_chain(rows, file_of(checkpoint(key, rows[:7]), checkpoint(key, rows[:15])))
    assert found.intact
    assert found.unsealed == 5
    assert found.unseen == ()


COLUMNS = StoredEvent._fields


@settings(max_examples=300)
@given(
    place=st.integers(0, 11),
    column=st.sampled_from(COLUMNS),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    number=st.integers(-5, 50),
)
def test_any_change_of_any_column_is_found(place: int, column: str, text: str, number: int) -> None:
    rows = chain(12)
    value = number if column in ("seq", "case_id") else text
    changed = rows[place]._replace(**{column: value})
    unchanged = changed == rows[place]
    rows[place] = changed
    assert verify_chain(rows).intact == unchanged


@given(place=st.integers(0, 11), position=st.integers(0, 400), flipped=st.integers(1, 127))
def test_any_change_of_one_character_is_found(place: int, position: int, flipped: int) -> None:
    rows = chain(12)
    for column in ("at", "payload", "text", "hash"):
        value = str(getattr(rows[place], column))
        index = position % len(value)
        other = value[:index] + chr(ord(value[index]) ^ flipped) + value[index + 1 :]
        changed = [*rows]
        changed[place] = rows[place]._replace(**{column: other})
        assert not verify_chain(changed).intact, column


@pytest.mark.parametrize("odd", [None, b"bytes", 1.5, 7, "\ud800", "[" * 100_000])
@pytest.mark.parametrize("column", ["at", "actor", "kind", "payload", "text", "hash"])
def test_values_of_another_type_are_found(column: str, odd: object) -> None:
    rows = chain(4)
    rows[2] = rows[2]._replace(**{column: odd})
    assert not verify_chain(rows).intact


def test_what_is_wrong_is_named() -> None:
    rows = chain(10)
    removed = [*rows[:4], *rows[6:]]
    (gap, broken) = verify_chain(removed).findings
    assert gap.what == "Before event 7, events 5 to 6 are missing."
    assert broken.kind is FindingKind.BROKEN_CHAIN
    swapped = [*rows]
    swapped[3], swapped[5] = rows[5]._replace(seq=4), rows[3]._replace(seq=6)
    assert FindingKind.REORDERED in kinds(swapped)
    edited = [*rows]
    edited[3] = rows[3]._replace(actor="Mallory")
    (finding,) = verify_chain(edited).findings
    assert finding.what == "Event 4 was edited: its text states another actor."
    assert "Mallory" not in finding.what
    forged = [*rows]
    forged[3] = sealed(4, rows[3].at, "Eve", "case_received", 4, {"images": 4}, rows[2].hash)
    (finding,) = verify_chain(forged).findings
    assert finding.what == (
        "Event 5 does not continue the chain: it names another event before it."
    )


def test_many_findings_are_limited_and_counted() -> None:
    rows = [row._replace(actor="Eve") for row in chain(500)]
    found = verify_chain(rows)
    assert len(found.findings) == 21
    assert found.counts == {"edited": 500}
    assert found.findings[-1].what == "480 more findings of the kind edited."


def test_a_clock_that_is_set_back(key: SigningKey) -> None:
    rows = chain(5)
    for seconds, wrong in ((59, False), (61, True)):
        at = time_text(START + timedelta(seconds=5 - seconds))
        later = [*rows, sealed(6, at, "a", "x", None, {}, rows[-1].hash)]
        assert (kinds(later) == {FindingKind.CLOCK_SET_BACK}) == wrong
    assert verify_chain(later, clock_tolerance_s=None).intact
    accepted = verify_chain(later, file_of(checkpoint(key, later, clock_accepted=6)))
    assert accepted.intact
    assert "1 times" in accepted.notes[-1]
    assert kinds(later, file_of(checkpoint(key, later))) == {FindingKind.CLOCK_SET_BACK}


def test_events_of_earlier_releases_may_be_of_any_time() -> None:
    first = sealed(1, "2025-06-02T12:00:00.000000Z", "a", "x", None, {}, "0" * 64)
    second = sealed(2, "2024-06-02T12:00:00.000000Z", "a", "x", None, {}, first.hash)
    begun = {"earlier_events": 2, "ledger": LEDGER}
    third = sealed(3, "2023-06-02T12:00:00.000000Z", "s", "ledger_begun", None, begun, second.hash)
    assert verify_chain([first, second, third]).intact
    assert kinds([first, second]) == {FindingKind.CLOCK_SET_BACK, FindingKind.NO_BEGINNING}
    wrong = sealed(1, first.at, "s", "ledger_begun", None, begun, "0" * 64)
    assert kinds([wrong]) == {FindingKind.NO_BEGINNING}
    again = sealed(4, third.at, "s", "ledger_begun", None, begun, third.hash)
    assert kinds([first, second, third, again]) == {FindingKind.NO_BEGINNING}


def test_checkpoints_find_what_a_chain_alone_does_not_show(key: SigningKey) -> None:
    rows = chain(20)
    file = file_of(checkpoint(key, rows[:10]), checkpoint(key, rows))
    cut = rows[:15]
    assert kinds(cut) == set()
    assert kinds(cut, file) == {FindingKind.EVENTS_MISSING}
    rewritten = [*rows[:4]]
    for row in rows[4:]:
        rewritten.append(
            sealed(row.seq, row.at, "Eve", row.kind, row.case_id, {}, rewritten[-1].hash)
        )
    assert kinds(rewritten) == set()
    assert kinds(rewritten, file) == {FindingKind.REWRITTEN}
    assert verify_chain(rewritten, file).counts == {"rewritten": 2}
    assert kinds([], file) == {FindingKind.EVENTS_MISSING, FindingKind.NO_BEGINNING}


def test_the_root_counts_beside_the_head(key: SigningKey) -> None:
    rows = chain(8)
    file = file_of(checkpoint(key, rows, root="0" * 64))
    assert kinds(rows, file) == {FindingKind.REWRITTEN}
