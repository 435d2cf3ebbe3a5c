"""The Ed25519 signature of a bundle: a file beside its manifest, over the manifest's digest.

The digest covers every file of the bundle by its hash, so the signature does, too. Where a list of
trusted keys is configured (``TRIAGE_BUNDLE_KEYS``), a bundle without a signature of one of them is
refused when it is loaded. Without a list a signature proves nothing, and is not looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.errors import BundleError
from triage.ledger.keys import SigningKey
from triage.ledger.signature_file import (
    is_by_trusted_key,
    read_signature_file,
    trusted_keys,
    write_signature_file,
)
from triage.systems.bundle_files import SIGNATURE

KEYS_VARIABLE = "TRIAGE_BUNDLE_KEYS"
"""Names the file with the public keys whose signatures count, one a line."""
_HINT = "Sign it with triage registry sign, after you have checked where it comes from."


class BundleSignature(BaseModel):
    """The content of ``manifest.sig``.

    Parameters
    ----------
    format : str
    digest : str
        Digest of the manifest that is signed.
    key_id : str
        Identifier of the public key, see `triage.ledger.keys.key_id`.
    signature : str
        Over `signed_text` of the digest, 64 bytes in hexadecimal digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-bundle-signature-1"] = "triage-bundle-signature-1"
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    key_id: str = Field(pattern="^[0-9a-f]{16}$")
    signature: str = Field(pattern="^[0-9a-f]{128}$")


def signed_text(digest: str) -> str:
    """Return what is signed: the digest, and that it is one of a bundle."""
    return f"triage-bundle-signature-1\n{digest}\n"


def sign_bundle(folder: Path, digest: str, key: SigningKey) -> BundleSignature:
    """Write the signature of a bundle, whole, in the place of a former one.

    Parameters
    ----------
    folder : Path
        Of a bundle whose files have been verified.
    digest : str
        Of its manifest.
    key : SigningKey

    Raises
    ------
    BundleError
        If it cannot be written.
    """
    signature = BundleSignature(
        digest=digest, key_id=key.id, signature=key.sign(signed_text(digest))
    )
    try:
        write_signature_file(Path(folder) / SIGNATURE, signature)
    except OSError as error:
        raise BundleError(
            f"its signature cannot be written ({error.strerror})", where=str(folder)
        ) from error
    return signature


def read_signature(folder: Path) -> BundleSignature | None:
    """Return the signature beside a manifest, not yet checked; None where there is none.

    Raises
    ------
    BundleError
        If it cannot be read or is malformed.
    """
    path = Path(folder) / SIGNATURE
    return read_signature_file(path, BundleSignature, "signature of a bundle", BundleError)


def trusted_bundle_keys() -> frozenset[str] | None:
    """Return the public keys whose signatures count; None where no list is configured.

    Raises
    ------
    LedgerError
        If the list cannot be read, names no key, or a line is no key.
    """
    return trusted_keys(KEYS_VARIABLE)


def check_signature(folder: Path, digest: str, trusted: frozenset[str]) -> str:
    """Check that a trusted key signed a bundle, and return the key's identifier.

    Parameters
    ----------
    folder : Path
    digest : str
        Of the manifest as it was read; the signature has to be over it.
    trusted : frozenset of str
        Public keys.

    Raises
    ------
    BundleError
        If there is no signature, it is of another manifest or key, or it is wrong.
    """
    found = read_signature(folder)
    if found is None:
        raise BundleError(
            "is not signed, and only signed bundles are used here", where=str(folder), hint=_HINT
        )
    if found.digest != digest:
        raise BundleError("its signature is that of another bundle", where=str(folder), hint=_HINT)
    right = is_by_trusted_key(found, signed_text(digest), trusted)
    if right is None:
        raise BundleError(
            f"is signed by the key {found.key_id}, which is not trusted here",
            where=str(folder),
            hint=f"The trusted keys are in the file that {KEYS_VARIABLE} names.",
        )
    if not right:
        raise BundleError(
            "its signature is wrong: it was changed or forged", where=str(folder), hint=_HINT
        )
    return found.key_id


def require_trusted(folder: Path, digest: str) -> None:
    """Check the signature of a bundle where trusted keys are configured.

    Raises
    ------
    BundleError
        If it is not signed by one of them; see `check_signature`.
    LedgerError
        If the list of keys cannot be read.
    """
    trusted = trusted_bundle_keys()
    if trusted is not None:
        check_signature(folder, digest, trusted)
