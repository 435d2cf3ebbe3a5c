"""Differences of two bundles by hand: fields of manifests, data set versions, gate runs, flips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.model_registry.registered import Registered, check, write_bundle
from triage.data.spec_files import load_spec, shipped_spec
from triage.dataset_versions.version import DatasetMember, DatasetVersion
from triage.errors import BundleError, StoreError, UsageError
from triage.model_registry.differences import diff_bundles
from triage.store.base import utc_now
from triage.store.learning_tables import DatasetMemberRow, DatasetVersionRow, TrainingRunRow
from triage.vocabulary.learning import GateVerdict, MemberSplit

A: dict[str, Any] = {
    "data_hash": "1" * 64,
    "data_counts": {"train": {"acne": 10, "melanoma": 5}},
    "settings": {"head": "hod", "fit": {"epochs": 4, "seed": 0}},
    "metrics": {"accuracy": 0.8, "ece": 0.1},
    "thresholds": {"temperature": 1.0},
    "code_version": "1",
}
B: dict[str, Any] = A | {
    "data_hash": "2" * 64,
    "data_counts": {"train": {"acne": 12, "melanoma": 5}},
    "settings": {"head": "hod", "fit": {"epochs": 8, "seed": 0}, "members": 9},
    "metrics": {"accuracy": 0.9, "ece": 0.1},
    "thresholds": {"temperature": 1.5},
}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, content in (("a", A), ("b", B)):
        write_bundle(tmp_path / name, name, **content)
    return tmp_path / "a", tmp_path / "b"


def test_two_folders_by_their_manifests(folders: tuple[Path, Path]) -> None:
    found = diff_bundles(*map(str, folders))
    assert (found.a.name, found.b.name) == ("a", "b")
    assert not found.data.same
    assert found.data.fields == {
        "data_counts.train.acne": (10, 12),
        "data_hash": ("1" * 64, "2" * 64),
    }
    assert found.settings == {"fit.epochs": (4, 8), "members": (None, 9)}
    assert found.made == {"thresholds.temperature": (1.0, 1.5)}
    assert found.metrics == {"accuracy": (0.8, 0.9)}
    assert (found.gate_runs, found.flips, found.data.members) == ((), None, None)
    same = diff_bundles(str(folders[0]), str(folders[0]))
    assert same.data.same
    assert not same.settings


def test_an_altered_or_missing_manifest_is_named(folders: tuple[Path, Path]) -> None:
    one, other = folders
    path = other / "manifest.json"
    path.write_text(path.read_text().replace("0.9", "0.99"))
    with pytest.raises(BundleError, match=r"b/manifest\.json: The manifest was altered"):
        diff_bundles(str(one), str(other))
    path.unlink()
    with pytest.raises(BundleError, match=r"b/manifest\.json"):
        diff_bundles(str(one), str(other))


def table(folder: Path, name: str, rows: list[tuple[str, str, str, str]]) -> Path:
    """Rows of case, label, condition and recommendation; the patient is the case."""
    frame = pd.DataFrame(rows, columns=["case_id", "label", "condition", "recommendation"])
    frame["patient_id"] = frame["case_id"]
    path = folder / f"{name}.csv"
    frame.to_csv(path, index=False)
    return path


def test_flips_of_two_tables(folders: tuple[Path, Path], tmp_path: Path) -> None:
    spec = load_spec(shipped_spec("derm_phantoms"))
    (folders[0] / "spec.json").write_text(spec.model_dump_json())
    known = [one.name for one in spec.conditions if one.role == "inlier"]
    urgent = [name for name in known if spec.by_name[name].urgency.rank == 0]
    calm = [name for name in known if spec.by_name[name].urgency.rank > 0]
    assert urgent
    x, y = urgent[0], calm[0]
    labels = [x, x, x, y, y, y]
    before = [(x, "urgent"), (x, "urgent"), (y, "routine"), (y, "routine"), (x, "urgent"),
              (y, "no_ai_opinion")]  # fmt: skip
    after = [(x, "urgent"), (y, "routine"), (x, "urgent"), (x, "urgent"), (y, "routine"),
             (y, "routine")]  # fmt: skip
    tables = tuple(
        table(
            tmp_path,
            name,
            [(f"c{n}", labels[n], *said[n]) for n in range(len(labels))],
        )
        for name, said in (("before", before), ("after", after))
    )
    found = diff_bundles(*map(str, folders), predictions=(tables[0], tables[1])).flips
    assert found is not None
    assert found.negative.value == pytest.approx(2 / 6)
    assert found.positive.value == pytest.approx(2 / 6)
    assert (found.urgent_lost.value, found.urgent_lost.n_cases) == (pytest.approx(1 / 3), 3)
    assert found.urgent_found.value == pytest.approx(1 / 3)
    assert found.recommendation.value == pytest.approx(5 / 6)
    assert found.negative.low is not None
    assert found.negative.low < 2 / 6 < (found.negative.high or 0)
    other = table(tmp_path, "other", [("c9", x, x, "urgent")])
    with pytest.raises(UsageError, match="not of the same cases"):
        diff_bundles(*map(str, folders), predictions=(tables[0], other))
    frame = pd.read_csv(tables[1]).drop(columns="recommendation")
    frame.to_csv(other, index=False)
    with pytest.raises(UsageError, match="need the columns condition and recommendation"):
        diff_bundles(*map(str, folders), predictions=(other, other))
    (folders[0] / "spec.json").write_text("{}")
    with pytest.raises(BundleError, match=r"spec\.json"):
        diff_bundles(*map(str, folders), predictions=(other, other))


def member(name: str, label: str, split: MemberSplit = MemberSplit.TRAIN) -> DatasetMember:
    return DatasetMember(
        case_key=name * 64,
        patient_key=name * 64,
        cluster_key=name * 64,
        images=(name * 64,),
        condition=label,
        label_hash=label.ljust(64, "0"),
        licence="",
        split=split,
    )


def trained(registered: Registered, name: str, *members: DatasetMember) -> str:
    """Store a version of the data and a finished run that made the bundle of it."""
    version = DatasetVersion.of_members("derm", "e" * 64, members)
    with registered.store.transaction() as session:
        row = DatasetVersionRow(
            root=version.root, spec_name="derm", spec_hash="e" * 64, reason="test",
            made_by="Eve", made_at=utc_now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        for at, one in enumerate(version.members):
            values = one.model_dump(mode="json")
            session.add(DatasetMemberRow(version_id=row.id, position=at, **values))
        session.add(
            TrainingRunRow(
                key=version.root,
                state="finished",
                dataset_version_id=row.id,
                challenger_id=registered.number(name),
                policy_hash="f" * 64,
                settings_hash="f" * 64,
                steps={},
                started_by="Eve",
                started_at=utc_now(),
            )
        )
    return version.root


def test_registered_bundles_with_versions_and_gate_runs(registered: Registered) -> None:
    roots = (
        trained(registered, "first", member("a", "acne"), member("b", "acne")),
        trained(
            registered,
            "second",
            member("a", "acne"),
            member("b", "melanoma"),
            member("c", "acne", MemberSplit.TEST),
        ),
    )
    run = registered.gate("second", "first", check(GateVerdict.FAILS))
    registered.gate("third", "first")
    with registered.store.reading() as session:
        found = diff_bundles("champion", registered.digests["second"][:9], session=session)
        with pytest.raises(StoreError, match="No registered bundle"):
            diff_bundles("champion", "shadow", session=session)
    assert (found.a.dataset_version, found.b.dataset_version) == roots
    assert found.data.members is not None
    assert (found.data.members["added"], found.data.members["relabelled"]) == (1, 1)
    assert found.data.by_condition["melanoma"] == {"relabelled": 1}
    assert not found.data.same
    (gate,) = found.gate_runs
    assert (gate.gate_run, gate.verdict) == (run, "fails")
    assert gate.challenger == registered.digests["second"]
    assert gate.checks[0].check == "urgent_sensitivity"


def test_a_registered_bundle_whose_file_is_gone_is_named(registered: Registered) -> None:
    (registered.folder / "first" / "manifest.json").unlink()
    with (
        registered.store.reading() as session,
        pytest.raises(BundleError, match=r"first/manifest\.json"),
    ):
        diff_bundles("champion", registered.digests["second"], session=session)
