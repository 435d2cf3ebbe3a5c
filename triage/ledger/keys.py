"""Ed25519 keys that sign checkpoints: made, kept in a file of their owner, and read again."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from triage.errors import LedgerError
from triage.hashing import hash_bytes
from triage.regular_file import open_regular

_PUBLIC = re.compile(r"[0-9a-f]{64}")
_MOST_KEY_BYTES = 10_000
_MOST_LIST_BYTES = 1_000_000


@dataclass(frozen=True)
class SigningKey:
    """A private key with its public key.

    Parameters
    ----------
    private : Ed25519PrivateKey
    public : str
        The 32 bytes of the public key in hexadecimal digits.
    """

    private: Ed25519PrivateKey
    public: str

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    @property
    def id(self) -> str:
        """Identifier of the public key."""
        return key_id(self.public)

    def sign(self, text: str) -> str:
        """Return the signature over the UTF-8 encoding of a text, in hexadecimal digits."""
        return self.private.sign(text.encode()).hex()


def key_id(public: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a public key."""
    return hash_bytes(bytes.fromhex(public))[:16]


def public_file(path: Path) -> Path:
    """Return the file of the public key that belongs to the file of a private one."""
    return path.with_name(f"{path.name}.pub")


def make_key(path: Path) -> SigningKey:
    """Make a key: the private part in a file that only its owner can read, the public beside it.

    Parameters
    ----------
    path : Path
        File of the private key (PEM, PKCS 8); the public key is written to ``<path>.pub``.

    Raises
    ------
    LedgerError
        If one of the files exists, or cannot be written.
    """
    key = _with_public(Ed25519PrivateKey.generate())
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = public_file(path)
    for each in (path, public):
        if os.path.lexists(each):
            raise _exists(each)
    _write_new(path, pem, 0o600)
    _write_new(public, f"{key.public}\n".encode(), 0o644)
    return key


def _exists(path: Path) -> LedgerError:
    return LedgerError(
        "The file exists, and a key is not overwritten.", where=str(path), hint="Name another."
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise LedgerError(f"It cannot be written ({error.strerror}).", where=str(path)) from error


def load_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises
    ------
    LedgerError
        If there is none, it is no Ed25519 key, it is encrypted, or others than its owner have
        rights to the file.
    """
    try:
        with open_regular(path) as stream:
            rights = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            pem = stream.read(_MOST_KEY_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no regular file"
        raise LedgerError(f"The key cannot be read ({reason}).", where=str(path)) from error
    if os.name == "posix" and rights & 0o077:
        raise LedgerError(
            f"Others than its owner have rights to the private key (mode {rights:04o}).",
            where=str(path),
            hint="Run chmod 600 on it; if others may have read it, rotate the key.",
        )
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        raise _not_a_key(path) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _not_a_key(path)
    return _with_public(private)


def _not_a_key(path: Path) -> LedgerError:
    return LedgerError(
        "This is no private Ed25519 key in PEM without a password.",
        where=str(path),
        hint="Make one with triage ledger keygen.",
    )


def _with_public(private: Ed25519PrivateKey) -> SigningKey:
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningKey(private, public.hex())


def is_signature(public: str, signature: str, text: str) -> bool:
    """Whether a signature over a text was made with the private part of a public key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def read_trusted_keys(path: Path) -> frozenset[str]:
    """Read a list of public keys: one a line, in hexadecimal digits; `#` begins a comment.

    Raises
    ------
    LedgerError
        If it cannot be read, names no key, or a line is no key.
    """
    try:
        with open_regular(path) as stream:
            lines = stream.read(_MOST_LIST_BYTES).decode("ascii", "replace").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no regular file"
        raise LedgerError(
            f"The list of keys cannot be read ({reason}).", where=str(path)
        ) from error
    keys = set()
    for number, line in enumerate(lines, start=1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not _PUBLIC.fullmatch(word):
            raise LedgerError(
                f"Line {number} is no public key.",
                where=str(path),
                hint="A key is 64 hexadecimal digits, as keygen writes them to FILE.pub.",
            )
        keys.add(word)
    if not keys:
        raise LedgerError("The list names no key.", where=str(path))
    return frozenset(keys)
