"""What a report knows of the audited system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.auditing.analyses.tables import plan, table
from tests.store.make import bundle
from tests.store.migrated import migrated_url
from tests.ui.make_audits import write_manifest
from triage.reports.audited_system import system_facts
from triage.store import Store, open_store, register_bundle


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with migrated_url("sqlite", tmp_path) as url:
        found = open_store(url)
        yield found
        found.close()


def test_the_registered_manifest_is_found_and_checked(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    digest = write_manifest(folder, "skin")
    with store.transaction() as session:
        register_bundle(session, bundle(digest, path=str(folder)))
    cases = replace(table(20), facts={"bundle": digest})
    facts, notes = system_facts(plan(system=""), cases, store, None)
    assert notes == []
    assert facts.name == f"bundle {digest[:12]}"
    assert facts.manifest is not None
    assert facts.manifest["name"] == "skin"
    assert (facts, notes) == system_facts(plan(system=""), cases, None, folder)
    (folder / "manifest.json").write_text('{"name": "another"}')
    facts, (note,) = system_facts(plan(system=""), cases, store, None)
    assert facts.manifest is None
    assert "no model card" in note
    assert "not the one that was registered" in note
    (folder / "manifest.json").unlink()
    _, (note,) = system_facts(plan(system=""), cases, store, None)
    assert "there is no such manifest" in note
    assert str(tmp_path) not in note


def test_a_system_that_the_store_does_not_know(store: Store) -> None:
    other = replace(table(20), facts={"bundle": "e" * 64})
    facts, notes = system_facts(plan(system="Theirs 2"), other, store, None)
    assert (facts.name, facts.manifest, notes) == ("Theirs 2", None, [])
    facts, notes = system_facts(plan(system=""), replace(other, facts={}), store, None)
    assert (facts.name, facts.bundle, notes) == ("not stated", None, [])
