"""Files of keys and checkpoints: who may read them, what is trusted, what a crash leaves."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.ledger.chains import LEDGER, START, chain, root, sealed
from triage.errors import LedgerError, LedgerNotIntact
from triage.ledger.canonical import canonical_text
from triage.ledger.checkpoints import (
    Checkpoint,
    append_record,
    read_checkpoints,
    sign_checkpoint,
    sign_rotation,
    size_of,
)
from triage.ledger.findings import FindingKind
from triage.ledger.key_rotation import rotate_key
from triage.ledger.keys import (
    SigningKey,
    is_signature,
    key_id,
    load_key,
    make_key,
    public_file,
    read_trusted_keys,
)
from triage.ledger.verification import CLOCK_TOLERANCE_S, ChainVerification, verify_chain

ROWS = chain(30)


@pytest.fixture
def keys(tmp_path: Path) -> list[SigningKey]:
    return [make_key(tmp_path / f"key{number}") for number in range(3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


def checkpoint(key: SigningKey, seq: int, **changes: object) -> Checkpoint:
    rows = ROWS[:seq]
    at = START + timedelta(seconds=seq)
    stated = {"ledger": LEDGER, "seq": seq, "head": rows[-1].hash, "root": root(rows), "at": at}
    return sign_checkpoint(key, **(stated | changes))  # type: ignore[arg-type]


def verified(path: Path, trusted: frozenset[str] | None = None) -> ChainVerification:
    return verify_chain(ROWS, read_checkpoints(path), trusted_keys=trusted)


def kinds(path: Path, trusted: frozenset[str] | None = None) -> list[FindingKind]:
    return [each.kind for each in verified(path, trusted).findings]


# Keys


def test_a_key_is_for_its_owner_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.key"
    key = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_file(path).read_text() == f"{key.public}\n"
    again = load_key(path)
    assert (again.public, again.id) == (key.public, key_id(key.public))
    signature = again.sign("é")
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public)).verify(
        bytes.fromhex(signature), "é".encode()
    )
    assert not is_signature(key.public, signature, "e")
    assert not is_signature("00" * 32, signature, "é")
    assert "private" not in repr(key).lower()


def test_a_key_is_not_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path / "a")
    with pytest.raises(LedgerError, match="exists"):
        make_key(tmp_path / "a")
    public_file(tmp_path / "b").touch()
    with pytest.raises(LedgerError, match="exists"):
        make_key(tmp_path / "b")
    assert not (tmp_path / "b").exists()
    with pytest.raises(LedgerError, match="cannot be written"):
        make_key(tmp_path / "no folder" / "key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(LedgerError, match="chmod 600"):
        load_key(tmp_path / "key")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(LedgerError, match="cannot be read"):
        load_key(path)
    pem = (Encoding.PEM, PrivateFormat.PKCS8)
    for content in (
        b"",
        b"no key",
        generate_private_key(SECP256R1()).private_bytes(*pem, NoEncryption()),
        Ed25519PrivateKey.generate().private_bytes(*pem, BestAvailableEncryption(b"secret")),
    ):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(LedgerError, match="no private Ed25519 key"):
            load_key(path)
    with pytest.raises(LedgerError, match="cannot be read"):
        load_key(tmp_path)


def test_a_list_of_trusted_keys(tmp_path: Path, keys: list[SigningKey]) -> None:
    path = tmp_path / "trusted"
    path.write_text(f"# ours\n{keys[0].public}\n\n{keys[1].public}  # the next\n")
    assert read_trusted_keys(path) == {keys[0].public, keys[1].public}
    for content, message in (("", "no key"), ("abc\n", "Line 1"), ("# a\n-----BEGIN", "Line 2")):
        path.write_text(content)
        with pytest.raises(LedgerError, match=message):
            read_trusted_keys(path)


# Checkpoints


def test_a_checkpoint_comes_back_and_is_one_canonical_line(
    path: Path, keys: list[SigningKey]
) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = checkpoint(keys[0], 10, at=at)
    append_record(path, made)
    (line,) = path.read_text().splitlines()
    stated = json.loads(line)
    assert line == canonical_text(stated)
    assert stated["format"] == "triage-ledger-1"
    assert stated["at"] == "2026-01-02T03:04:05.000000Z"
    signature = bytes.fromhex(stated.pop("signature"))
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(stated["public_key"]))
    public.verify(signature, canonical_text(stated).encode())
    assert read_checkpoints(path).checkpoints == (made,)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("seq", 11),
        ("head", "0" * 64),
        ("root", "0" * 64),
        ("at", "2026-01-01T00:00:00.000000Z"),
        ("ledger", "cd" * 16),
        ("key_id", "0" * 16),
        ("signature", "0" * 128),
        ("clock_accepted", 30),
        ("public_key", "11" * 32),
    ],
)
def test_a_changed_checkpoint_is_found(
    path: Path, keys: list[SigningKey], member: str, value: object
) -> None:
    append_record(path, checkpoint(keys[0], 10))
    stated = json.loads(path.read_text())
    path.write_text(json.dumps(stated | {member: value}) + "\n")
    found = verified(path)
    assert [each.kind for each in found.findings] == [FindingKind.FORGED_CHECKPOINT]
    assert len(found.unseen) == 3  # it counts for nothing


def test_another_key_is_not_trusted(path: Path, keys: list[SigningKey]) -> None:
    append_record(path, checkpoint(keys[0], 10))
    append_record(path, checkpoint(keys[1], 20))
    found = verified(path)
    assert [each.kind for each in found.findings] == [FindingKind.UNTRUSTED_CHECKPOINT]
    assert keys[1].id in found.findings[0].what
    assert found.unsealed == 20
    assert "first checkpoint" in found.notes[0]
    assert kinds(path, frozenset({keys[0].public, keys[1].public})) == []
    # A file that was replaced as a whole, by one of the attacker's own.
    assert kinds(path, frozenset({keys[1].public})) == [FindingKind.UNTRUSTED_CHECKPOINT]


def test_a_checkpoint_of_another_ledger(path: Path, keys: list[SigningKey]) -> None:
    append_record(path, checkpoint(keys[0], 10, ledger="cd" * 16))
    assert kinds(path) == [FindingKind.OTHER_LEDGER]


def test_checkpoints_out_of_order(path: Path, keys: list[SigningKey]) -> None:
    append_record(path, checkpoint(keys[0], 20))
    append_record(path, checkpoint(keys[0], 20))
    assert kinds(path) == []
    append_record(path, checkpoint(keys[0], 10))
    append_record(path, checkpoint(keys[0], 30, at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert kinds(path) == [FindingKind.CHECKPOINT_ORDER] * 2


@pytest.mark.parametrize("cut", [1, 2, 100, 300])
def test_a_line_that_a_crash_cut_is_told_and_gone_on_after(
    path: Path, keys: list[SigningKey], cut: int
) -> None:
    append_record(path, checkpoint(keys[0], 10))
    append_record(path, checkpoint(keys[0], 20))
    path.write_bytes(path.read_bytes()[:-cut])
    found = verified(path)
    assert found.intact
    assert found.unsealed == (10 if cut == 1 else 20)  # cut 1 is the end of the line alone
    assert any("Line 2" in note for note in found.notes) == (cut > 1)
    append_record(path, checkpoint(keys[0], 30))
    found = verified(path)
    assert found.intact
    assert found.unsealed == 0


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"kind": "checkpoint"}', "[1]", "\x00", "é"])
def test_a_line_that_is_no_checkpoint_is_found(
    path: Path, keys: list[SigningKey], line: str
) -> None:
    append_record(path, checkpoint(keys[0], 10))
    with path.open("a") as stream:
        stream.write(f"{line}\n")
    append_record(path, checkpoint(keys[0], 20))
    assert kinds(path) == [FindingKind.STRANGE_LINE]


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path, keys: list[SigningKey]) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        read_checkpoints(tmp_path / "none")
    with pytest.raises(LedgerError, match="cannot be read"):
        read_checkpoints(tmp_path)
    with pytest.raises(LedgerError, match="cannot be written"):
        append_record(tmp_path, checkpoint(keys[0], 10))


# Rotation


def test_a_key_is_replaced(path: Path, keys: list[SigningKey]) -> None:
    first, second, third = keys
    append_record(path, checkpoint(first, 10))
    rotate_key(path, first, second)
    append_record(path, checkpoint(second, 20))
    found = verified(path)
    assert found.intact
    assert found.trusted is not None
    assert found.trusted.keys == {second.public}
    with pytest.raises(LedgerError, match=second.id):
        rotate_key(path, first, third)
    with pytest.raises(LedgerError, match="present one"):
        rotate_key(path, second, second)
    rotate_key(path, second, third)
    append_record(path, checkpoint(third, 30))
    assert kinds(path) == []
    append_record(path, checkpoint(first, 30))
    assert kinds(path) == [FindingKind.UNTRUSTED_CHECKPOINT]
    with pytest.raises(LedgerNotIntact, match="not trusted"):
        rotate_key(path, third, first)


def test_a_list_of_keys_says_who_may_replace_whom(path: Path, keys: list[SigningKey]) -> None:
    first, second, _ = keys
    append_record(path, checkpoint(first, 10))
    rotate_key(path, first, second)
    append_record(path, checkpoint(second, 20))
    both = frozenset({first.public, second.public})
    assert kinds(path, both) == []
    assert kinds(path, frozenset({first.public})) == [FindingKind.UNTRUSTED_CHECKPOINT]
    append_record(path, checkpoint(first, 30))
    assert kinds(path, both) == [FindingKind.UNTRUSTED_CHECKPOINT]


def test_a_rotation_by_another_key_is_not_followed(path: Path, keys: list[SigningKey]) -> None:
    first, second, _ = keys
    append_record(path, checkpoint(first, 10))
    append_record(path, sign_rotation(second, second.public, ledger=LEDGER))
    append_record(path, checkpoint(second, 20))
    assert kinds(path) == [FindingKind.UNTRUSTED_CHECKPOINT] * 2


def test_there_is_nothing_to_replace_without_a_checkpoint(
    path: Path, keys: list[SigningKey]
) -> None:
    path.touch()
    with pytest.raises(LedgerError, match="no checkpoint"):
        rotate_key(path, keys[0], keys[1])


# Times


def test_an_event_after_a_checkpoint_has_no_time_before_it(
    path: Path, keys: list[SigningKey]
) -> None:
    """Also where each event is only a little before the last one."""
    at = START + timedelta(seconds=10 + CLOCK_TOLERANCE_S)
    append_record(path, checkpoint(keys[0], 10, at=at))
    assert kinds(path) == []
    append_record(path, checkpoint(keys[0], 12, at=at + timedelta(seconds=10)))
    found = verified(path)
    assert [each.kind for each in found.findings] == [FindingKind.CLOCK_SET_BACK]
    assert found.findings[0].what.startswith("Event 13 was appended after the checkpoint")
    # Whoever signed the next one has looked at it.
    append_record(path, checkpoint(keys[0], 20, at=at + timedelta(hours=1), clock_accepted=20))
    assert kinds(path) == [FindingKind.CLOCK_SET_BACK]  # of what came after that one
    append_record(path, checkpoint(keys[0], 30, at=at + timedelta(hours=1), clock_accepted=30))
    assert kinds(path) == []


@pytest.mark.parametrize(
    "at", ["2026-99-01T00:00:00.000000Z", "2026-12-01T00:00:00Z", "2026-12-01 00:00:00.000000Z"]
)
def test_a_time_that_is_none_is_found_although_the_hash_is_right(at: str) -> None:
    last = ROWS[-1]
    row = sealed(last.seq + 1, at, "system", "images_checked", 1, {"images": 1}, last.hash)
    found = verify_chain([*ROWS, row])
    assert [each.kind for each in found.findings] == [FindingKind.EDITED]


# Several writers, and a disk that is full


def test_what_another_process_appended_meanwhile_is_not_written_over(
    path: Path, keys: list[SigningKey]
) -> None:
    seen = size_of(path)
    assert append_record(path, checkpoint(keys[0], 20), after=seen)
    assert not append_record(path, checkpoint(keys[0], 10), after=seen)
    assert [each.seq for each in read_checkpoints(path).checkpoints] == [20]


@pytest.mark.parametrize("shrinks", [True, False])
def test_nothing_half_written_passes_for_a_checkpoint(
    path: Path, keys: list[SigningKey], monkeypatch: pytest.MonkeyPatch, shrinks: bool
) -> None:
    """A disk that is nearly full takes a part of a line, and says so only at the next one."""
    append_record(path, checkpoint(keys[0], 10))
    before = path.read_bytes()
    write, written = os.write, []

    def full(number: int, data: bytes) -> int:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(data)
        return write(number, data[:100])

    monkeypatch.setattr(os, "write", full)
    if not shrinks:  # storage that is only appended to
        monkeypatch.setattr(os, "ftruncate", lambda number, end: full(number, b""))
    with pytest.raises(LedgerError, match="cannot be written"):
        append_record(path, checkpoint(keys[0], 20))
    monkeypatch.undo()
    assert path.read_bytes()[: len(before)] == before
    assert (path.read_bytes() == before) is shrinks
    assert kinds(path) == []
    append_record(path, checkpoint(keys[0], 20))
    assert [each.seq for each in read_checkpoints(path).checkpoints] == [10, 20]
