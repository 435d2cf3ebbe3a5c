"""The Ed25519 signature of a retraining policy: a file beside it, over the hash of its content.

The hash is that of what the policy says, so its comments and spelling may change. Where a list of
trusted keys is configured (``TRIAGE_POLICY_KEYS``), a signature must be theirs and right; a policy
without one is used, and results say that nobody signed it. Without a list a signature proves
nothing, and is not looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.errors import SpecError
from triage.ledger.keys import SigningKey
from triage.ledger.signature_file import (
    is_by_trusted_key,
    read_signature_file,
    trusted_keys,
    write_signature_file,
)

KEYS_VARIABLE = "TRIAGE_POLICY_KEYS"
"""Names the file with the public keys whose signatures count, one a line."""
_HINT = "Sign it with triage retrain-policy sign, after you have read it."


class PolicySignature(BaseModel):
    """The content of ``POLICY.sig``.

    Parameters
    ----------
    format : str
    policy_hash : str
        SHA-256 of the policy's content.
    key_id : str
        Identifier of the public key, see `triage.ledger.keys.key_id`.
    signature : str
        Over `signed_text` of the hash, 64 bytes in hexadecimal digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-policy-signature-1"] = "triage-policy-signature-1"
    policy_hash: str = Field(pattern="^[0-9a-f]{64}$")
    key_id: str = Field(pattern="^[0-9a-f]{16}$")
    signature: str = Field(pattern="^[0-9a-f]{128}$")


def signature_file(path: str | Path) -> Path:
    """Return the file of the signature that belongs to a policy's file."""
    path = Path(path)
    return path.with_name(f"{path.name}.sig")


def signed_text(policy_hash: str) -> str:
    """Return what is signed: the hash, and that it is one of a policy."""
    return f"triage-policy-signature-1\n{policy_hash}\n"


def sign_policy(path: str | Path, policy_hash: str, key: SigningKey) -> PolicySignature:
    """Write the signature of a policy beside it, whole, in the place of a former one.

    Parameters
    ----------
    path : str or Path
        File of a policy that has been read.
    policy_hash : str
        Of its content, see `triage.gating.policy.GatePolicy.content_hash`.
    key : SigningKey

    Raises
    ------
    SpecError
        If it cannot be written.
    """
    signature = PolicySignature(
        policy_hash=policy_hash, key_id=key.id, signature=key.sign(signed_text(policy_hash))
    )
    place = signature_file(path)
    try:
        write_signature_file(place, signature)
    except OSError as error:
        raise SpecError(
            f"the signature cannot be written ({error.strerror})", where=str(place)
        ) from error
    return signature


def read_signature(path: str | Path) -> PolicySignature | None:
    """Return the signature beside a policy, not yet checked; None where there is none.

    Raises
    ------
    SpecError
        If it cannot be read or is malformed.
    """
    place = signature_file(path)
    return read_signature_file(place, PolicySignature, "signature of a policy", SpecError)


def trusted_policy_keys() -> frozenset[str] | None:
    """Return the public keys whose signatures count; None where no list is configured.

    Raises
    ------
    LedgerError
        If the list cannot be read, names no key, or a line is no key.
    """
    return trusted_keys(KEYS_VARIABLE)


def signer_of(path: str | Path, policy_hash: str) -> str | None:
    """Return the identifier of the trusted key that signed a policy; None where nobody did.

    Parameters
    ----------
    path : str or Path
        File of the policy.
    policy_hash : str
        Of its content as it was read.

    Raises
    ------
    SpecError
        If keys are configured and the signature is of another content or key, or wrong.
    LedgerError
        If the list of keys cannot be read.
    """
    trusted = trusted_policy_keys()
    if trusted is None or (found := read_signature(path)) is None:
        return None
    place = str(signature_file(path))
    if found.policy_hash != policy_hash:
        raise SpecError("is the signature of another policy", where=place, hint=_HINT)
    right = is_by_trusted_key(found, signed_text(policy_hash), trusted)
    if right is None:
        raise SpecError(
            f"is by the key {found.key_id}, which is not trusted here",
            where=place,
            hint=f"The trusted keys are in the file that {KEYS_VARIABLE} names.",
        )
    if not right:
        raise SpecError("the signature is wrong: it was forged", where=place, hint=_HINT)
    return found.key_id
