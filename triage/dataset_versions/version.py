"""A version of a data set: its members with hashes, and the Merkle root over them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from triage.errors import ExitCode, TriageError
from triage.hashing import canonical_json, hash_json
from triage.ledger.merkle import MerkleTree
from triage.vocabulary.learning import Consent, MemberSplit


class VersionNotIntact(TriageError):
    """The members of a stored version, or of a file, are not those of its root."""

    exit_code = ExitCode.ANSWERED_NO


def case_key(source: str, case_id: str) -> str:
    """Return the name of a case in data sets: a hash, so that files name no identifiers."""
    return hash_json(["case", source, case_id])


def patient_key(source: str, patient_id: str) -> str:
    """Return the name of a patient in data sets."""
    return hash_json(["patient", source, patient_id])


class DatasetMember(BaseModel):
    """One case.

    Parameters
    ----------
    case_key, patient_key, cluster_key : str
        Hashes that stand for identifiers; cases of one cluster are in one split.
    images : tuple of str
        SHA-256 of each image's content, in reading order.
    condition : str
    label_hash : str
        SHA-256 of the label with its provenance: value, source, votes.
    licence : str
    consent : Consent
    split : MemberSplit
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_key: str
    patient_key: str
    cluster_key: str
    images: tuple[str, ...]
    condition: str
    label_hash: str
    licence: str
    consent: Consent = Consent.NOT_RECORDED
    split: MemberSplit

    def leaf(self) -> bytes:
        """Return what the Merkle tree hashes of it."""
        return canonical_json(self.model_dump(mode="json")).encode()


class DatasetVersion(BaseModel):
    """Members in the order of their keys, and what they came from.

    Parameters
    ----------
    spec_name, spec_hash : str
    parent : str, optional
        Root of the version before.
    members : tuple of DatasetMember
        In the order of `case_key`, each once.
    root : str
        The RFC 6962 tree hash over the members' leaves, in hexadecimal digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec_name: str
    spec_hash: str
    parent: str | None = None
    root: str
    members: tuple[DatasetMember, ...]

    @model_validator(mode="after")
    def _root_is_of_members(self) -> Self:
        keys = [member.case_key for member in self.members]
        if keys != sorted(set(keys)):
            raise ValueError("members are not in the order of their keys, or one is there twice")
        if self.root != merkle_root(self.members):
            raise ValueError("the root is not that of the members")
        return self

    @classmethod
    def of_members(
        cls,
        spec_name: str,
        spec_hash: str,
        members: Iterable[DatasetMember],
        parent: str | None = None,
    ) -> Self:
        """Return the version that has some members."""
        ordered = tuple(sorted(members, key=lambda member: member.case_key))
        return cls(
            spec_name=spec_name,
            spec_hash=spec_hash,
            parent=parent,
            root=merkle_root(ordered),
            members=ordered,
        )

    def of_split(self, *splits: MemberSplit) -> tuple[DatasetMember, ...]:
        """Return the members of some splits."""
        return tuple(member for member in self.members if member.split in splits)


def merkle_root(members: Iterable[DatasetMember]) -> str:
    """Return the RFC 6962 tree hash over members, in hexadecimal digits."""
    tree = MerkleTree()
    for member in members:
        tree.append(member.leaf())
    return tree.root().hex()
