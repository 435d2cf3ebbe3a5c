"""Signed checkpoints of a ledger, one line of JSON each, in a file that is only appended to.

A checkpoint states how many events a ledger had at a time, the hash of the last one and the
Merkle root of all. Kept where those who can write to the database cannot write, it shows later
whether these events are still the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from triage.errors import LedgerError
from triage.ledger.canonical import canonical_text, time_text
from triage.ledger.keys import SigningKey, is_signature, key_id
from triage.regular_file import open_regular

try:
    import fcntl
except ImportError:  # Windows: two writers of one file at once are not told apart there
    fcntl = None  # type: ignore[assignment]

FORMAT: Final = "triage-ledger-1"
_MOST_LINE_BYTES = 4096

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
LedgerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Signed(BaseModel):
    """What checkpoints and key rotations share.

    Parameters
    ----------
    format : str
        Name and version of the format.
    ledger : str
        Identifier of the ledger, from its event `ledger_begun`.
    at : str
        When it was signed, in UTC.
    key_id, public_key : str
        Of the key that signed.
    signature : str
        Over the canonical text of all other members.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["triage-ledger-1"] = FORMAT
    ledger: LedgerId
    at: Time
    key_id: str
    public_key: Hash
    signature: Signature

    def signed_text(self) -> str:
        """Return the text that the signature covers."""
        return canonical_text(self.model_dump(exclude={"signature"}))

    def is_signed(self) -> bool:
        """Whether the signature and the identifier of the key are right."""
        return self.key_id == key_id(self.public_key) and is_signature(
            self.public_key, self.signature, self.signed_text()
        )


class Checkpoint(_Signed):
    """The state of a ledger at one time.

    Parameters
    ----------
    seq : int
        Number of the last event, and of events.
    head : str
        Hash of the last event.
    root : str
        Merkle tree hash (RFC 6962) of the texts of all events up to it.
    clock_accepted : int
        Up to this event, times that are set back were looked at and accepted by who signed.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    seq: Annotated[int, Field(ge=1, lt=2**53)]
    head: Hash
    root: Hash
    clock_accepted: Count = 0


class KeyRotation(_Signed):
    """The key that signed this line is replaced by another.

    Parameters
    ----------
    new_public_key : str
    """

    kind: Literal["key_rotation"] = "key_rotation"
    new_public_key: Hash


SignedRecord = Checkpoint | KeyRotation
_RECORD: TypeAdapter[SignedRecord] = TypeAdapter(
    Annotated[SignedRecord, Field(discriminator="kind")]
)
_UNSIGNED = "0" * 128


def sign_checkpoint(
    key: SigningKey,
    *,
    ledger: str,
    seq: int,
    head: str,
    root: str,
    clock_accepted: int = 0,
    at: datetime | None = None,
) -> Checkpoint:
    """Return a signed checkpoint; the parameters are those of `Checkpoint`."""
    unsigned = Checkpoint(
        ledger=ledger,
        at=time_text(at or datetime.now(UTC)),
        key_id=key.id,
        public_key=key.public,
        signature=_UNSIGNED,
        seq=seq,
        head=head,
        root=root,
        clock_accepted=clock_accepted,
    )
    return unsigned.model_copy(update={"signature": key.sign(unsigned.signed_text())})


def sign_rotation(
    key: SigningKey, new_public_key: str, *, ledger: str, at: datetime | None = None
) -> KeyRotation:
    """Return the record that replaces a key by another, signed with the one that is replaced."""
    unsigned = KeyRotation(
        ledger=ledger,
        at=time_text(at or datetime.now(UTC)),
        key_id=key.id,
        public_key=key.public,
        signature=_UNSIGNED,
        new_public_key=new_public_key,
    )
    return unsigned.model_copy(update={"signature": key.sign(unsigned.signed_text())})


@dataclass(frozen=True)
class CheckpointFile:
    """What a file of checkpoints holds.

    Parameters
    ----------
    records : tuple of (int, Checkpoint or KeyRotation)
        Number of the line and what it states, in the order of the file.
    cut_lines : tuple of int
        Lines whose end is missing, as a crash during writing leaves one.
    strange_lines : tuple of int
        Lines that are no records of this version.
    """

    records: tuple[tuple[int, SignedRecord], ...] = ()
    cut_lines: tuple[int, ...] = ()
    strange_lines: tuple[int, ...] = ()

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The checkpoints in the order of the file."""
        return tuple(each for _, each in self.records if isinstance(each, Checkpoint))


def read_checkpoints(path: Path) -> CheckpointFile:
    """Read a file of checkpoints; signatures are not checked here.

    Raises
    ------
    LedgerError
        If it cannot be read.
    """
    records: list[tuple[int, SignedRecord]] = []
    cut: list[int] = []
    strange: list[int] = []
    try:
        for number, line in enumerate(_lines(path), start=1):
            content = line.strip()
            if not content:
                continue
            try:
                records.append((number, _RECORD.validate_json(content)))
            except ValidationError:
                is_cut = content.startswith(b"{") and not content.endswith(b"}")
                (cut if is_cut else strange).append(number)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return CheckpointFile(tuple(records), tuple(cut), tuple(strange))


def _unreadable(path: Path, error: Exception) -> LedgerError:
    reason = getattr(error, "strerror", None) or "it is no regular file"
    return LedgerError(f"The file of checkpoints cannot be read ({reason}).", where=str(path))


def _lines(path: Path) -> Iterator[bytes]:
    with open_regular(path) as stream:
        while line := stream.readline(_MOST_LINE_BYTES):
            yield line


def size_of(path: Path) -> int:
    """Return the size of a file of checkpoints in bytes, 0 where there is none; for `after`."""
    try:
        return path.stat().st_size
    except OSError:
        return 0  # reading or writing it says why


def append_record(path: Path, record: SignedRecord, *, after: int | None = None) -> bool:
    """Append a checkpoint or a key rotation to a file, and wait until it is on the disk.

    A last line without an end, as a crash leaves one, stays as it is; the record gets a line of
    its own.

    Parameters
    ----------
    path : Path
    record : Checkpoint or KeyRotation
    after : int, optional
        From `size_of`, taken before the file was read for this record; without it, whatever others
        have appended.

    Returns
    -------
    bool
        False, and nothing is written, if another process has appended since.

    Raises
    ------
    LedgerError
        If it cannot be written.
    """
    line = f"{canonical_text(record.model_dump())}\n".encode()
    try:
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(number, "r+b", buffering=0) as stream:
            if fcntl is not None:
                with suppress(OSError):  # a share without locks
                    fcntl.flock(number, fcntl.LOCK_EX)  # until it is closed
            end = stream.seek(0, os.SEEK_END)
            if after is not None and end != after:
                return False
            if end:
                stream.seek(end - 1)
                if stream.read(1) != b"\n":
                    line = b"\n" + line
            _write_all(number, line, end)
    except OSError as error:
        raise LedgerError(
            f"The checkpoint cannot be written ({error.strerror or 'not seekable'}).",
            where=str(path),
        ) from error
    return True


def _write_all(number: int, data: bytes, end: int) -> None:
    """Write to the disk; of what could not be written whole, nothing is left if possible."""
    try:
        while data:  # a disk that is nearly full takes a part
            data = data[os.write(number, data) :]
        os.fsync(number)
    except OSError:
        with suppress(OSError):  # storage that is only appended to
            os.ftruncate(number, end)
        raise
