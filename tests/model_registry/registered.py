"""A database with bundles on disk, accounts and gate runs, for tests of the registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ui.make_accounts import account
from triage.accounts import Actor, Role
from triage.gating.gate_runs import next_state, record_gate_run
from triage.gating.result import CheckResult, GateResult, verdict_of
from triage.hashing import hash_bytes, hash_json
from triage.store import BundleRecord, Store, register_bundle, set_champion
from triage.store.tables import Bundle
from triage.vocabulary.learning import GateVerdict

EVE = Actor("Eve", Role.ENGINEER)
ERIC = Actor("Eric", Role.ENGINEER)
GUS = Actor("Gus", Role.GOVERNANCE)
RHEA = Actor("Rhea", Role.READER)
WHY = "Better on every group."
ON_BOTH = pytest.mark.parametrize(
    "store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@dataclass
class Registered:
    """Digests and folders of bundles by name; each is named like its folder."""

    store: Store
    folder: Path
    digests: dict[str, str]

    def add(self, name: str, **content: Any) -> str:
        """Write and register another bundle; return its digest."""
        digest = write_bundle(self.folder / name, name, **content)
        with self.store.transaction() as session:
            register_bundle(
                session,
                BundleRecord(digest, name, str(self.folder / name), ("melanoma", "acne")),
            )
        self.digests[name] = digest
        return digest

    def number(self, name: str) -> int:
        with self.store.reading() as session:
            found = session.query(Bundle.id).filter(Bundle.digest == self.digests[name]).scalar()
        assert found is not None
        return int(found)

    def gate(self, challenger: str, champion: str | None = "first", *checks: CheckResult) -> int:
        """Store a gate run; without checks it passes."""
        result = gate_result(*(checks or (check(GateVerdict.PASSES),)))
        submission = hash_json([challenger, champion, result.model_dump(mode="json")])
        result = result.model_copy(update={"submission": submission})
        with self.store.transaction() as session:
            return record_gate_run(
                session,
                result,
                champion=None if champion is None else self.number(champion),
                challenger=self.number(challenger),
                actor="Eve",
                state=next_state(session, result.gate_set, submission, None),
            )

    def alias(self, name: str) -> str | None:
        with self.store.reading() as session:
            found = session.query(Bundle.alias).filter(Bundle.digest == self.digests[name])
            alias: str | None = found.scalar()
        return alias


def check(
    verdict: GateVerdict | None, name: str = "urgent_sensitivity", *, decides: bool = True
) -> CheckResult:
    return CheckResult(
        check=name, verdict=verdict, decides=decides, sentence=f"{name} is {verdict}"
    )


def gate_result(*checks: CheckResult) -> GateResult:
    return GateResult(
        verdict=verdict_of(checks),
        better=True,
        checks=checks,
        policy_hash="b" * 64,
        n_cases=400,
        n_patients=300,
        gate_set="a" * 64,
        submission="c" * 64,
    )


def write_bundle(folder: Path, name: str, **content: Any) -> str:
    """Write a folder with a manifest and two files, as a bundle has them; return its digest."""
    folder.mkdir(parents=True)
    files = {"policy.json": f'{{"of": "{name}"}}\n', "members/a.safetensors": f"weights of {name}"}
    for place, text in files.items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(text)
    manifest = {
        "name": name,
        "intended_use": "tests",
        **content,
        "files": {place: hash_bytes(text.encode()) for place, text in files.items()},
    }
    digest = hash_json(manifest)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest, **manifest}))
    return digest


def fill(store: Store, folder: Path) -> Registered:
    found = Registered(store, folder / "bundles", {})
    for actor in (EVE, ERIC, GUS, RHEA):
        assert actor.role is not None
        account(store, actor.name, actor.role)
    for name in ("first", "second", "third"):
        found.add(name)
    with store.transaction() as session:
        set_champion(session, found.number("first"), actor="Eve")
    return found
