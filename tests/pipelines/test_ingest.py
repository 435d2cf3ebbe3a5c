from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase

import pipelines.ingest as module
from pipelines.ingest import ingest
from pipelines.score import ScoreResult, score
from tests.tiny import TinyBundle
from triage.data.clinical import NO_AI_OPINION
from triage.data.spec import DataSpec
from triage.decisions.reasons import AbstainReason
from triage.errors import StoreError
from triage.hashing import hash_file
from triage.store import Store, cases_waiting, champion, find_case, get_case, shown_prediction
from triage.store.tables import Bundle, Case, Event, Image, Patient, Prediction


def put(store: Store, result: ScoreResult, bundle: Path, root: Path) -> int:
    return ingest(
        store,
        result.cases,
        result.scored,
        result.manifest,
        bundle=bundle,
        root=root,
        source=result.source,
    )


def counts(store: Store) -> dict[str, int]:
    tables: list[type[DeclarativeBase]] = [Patient, Case, Image, Bundle, Prediction, Event]
    with store.reading() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


@pytest.fixture
def result(tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path) -> ScoreResult:
    (inbox.parent / "4.png").write_bytes(b"")
    (inbox.parent / "5.png").unlink()
    return score(tiny_bundle.folder, inbox, inbox.parent, tmp_path / "out.parquet")


def test_every_case_waits_also_the_unreadable(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    assert put(store, result, tiny_bundle.folder, inbox.parent) == 5
    table = result.scored.predictions
    assert table.decisions is not None
    with store.reading() as session:
        assert len(cases_waiting(session)) == 5
        for case, row in zip(
            table.cases["case_id"], table.decisions.to_dict("records"), strict=True
        ):
            number = find_case(session, result.source, case)
            shown = shown_prediction(session, number or 0)
            assert shown is not None
            assert shown.record.recommendation == row["recommendation"]
            assert shown.record.p_outlier == pytest.approx(row["p_outlier"])
            assert shown.record.aleatoric == pytest.approx(row["aleatoric"])
            assert shown.record.epistemic == pytest.approx(row["epistemic"])
            assert shown.record.queue_urgency == row["queue_urgency"]
            assert shown.bundle_digest == tiny_bundle.manifest.digest()
        for case, there in (("d", True), ("e", False)):
            number = find_case(session, result.source, case) or 0
            shown = shown_prediction(session, number)
            assert shown is not None
            assert shown.record.recommendation == NO_AI_OPINION
            assert shown.record.reason_code is AbstainReason.QUALITY
            assert shown.record.condition is None
            (image,) = get_case(session, number).images
            assert (image.sha256 is not None) is there


def test_of_one_member_the_disagreement_stays_unknown(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    table = result.scored.predictions
    assert table.decisions is not None
    alone = table.with_decisions(table.decisions.assign(epistemic=float("nan")))
    of_one = replace(result, scored=replace(result.scored, predictions=alone))
    put(store, of_one, tiny_bundle.folder, inbox.parent)
    with store.reading() as session:
        for case, aleatoric in zip(
            table.cases["case_id"], table.decisions["aleatoric"], strict=True
        ):
            shown = shown_prediction(session, find_case(session, result.source, case) or 0)
            assert shown is not None
            assert shown.record.epistemic is None
            assert shown.record.aleatoric == pytest.approx(aleatoric)


def test_images_are_found_again(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    put(store, result, tiny_bundle.folder, inbox.parent)
    with store.reading() as session:
        stored = get_case(session, find_case(session, result.source, "b") or 0)
    assert stored.patient == "pb"
    assert stored.groups["sex"] == "female"
    assert stored.groups["age"] is None
    assert [image.sha256 for image in stored.images] == [
        hash_file(Path(image.root) / image.path) for image in stored.images
    ]


def test_again_changes_nothing(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    put(store, result, tiny_bundle.folder, inbox.parent)
    before = counts(store)
    assert before["case"] == before["prediction"] == 5
    put(store, result, tiny_bundle.folder, inbox.parent)
    assert counts(store) == before


def test_an_interrupted_run_leaves_whole_cases_and_is_repeated(
    store: Store,
    result: ScoreResult,
    tiny_bundle: TinyBundle,
    inbox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = []

    def interrupted(*arguments: object) -> int:
        if len(stored) == 3:
            raise KeyboardInterrupt
        stored.append(add(*arguments))
        return stored[-1]

    add = module.add_prediction
    with monkeypatch.context() as patch:
        patch.setattr(module, "add_prediction", interrupted)
        patch.setattr(module, "CHUNK", 2)
        with pytest.raises(KeyboardInterrupt):
            put(store, result, tiny_bundle.folder, inbox.parent)
    assert counts(store)["case"] == counts(store)["prediction"] == 2
    put(store, result, tiny_bundle.folder, inbox.parent)
    assert counts(store)["case"] == counts(store)["prediction"] == 5


def test_the_first_bundle_becomes_champion_and_stays(
    store: Store,
    result: ScoreResult,
    tiny_bundle: TinyBundle,
    inbox: Path,
    phantom_spec: DataSpec,
) -> None:
    inliers = result.scored.predictions.inliers
    put(store, result, tiny_bundle.folder, inbox.parent)
    other = result.manifest.model_copy(update={"name": "other"})
    ingest(
        store,
        result.cases,
        result.scored,
        other,
        bundle=tiny_bundle.folder,
        root=inbox.parent,
        source=result.source,
    )
    with store.reading() as session:
        found = champion(session)
    assert found is not None
    assert found.digest == tiny_bundle.manifest.digest()
    # Whatever a reader may want to name, what the system knows first.
    assert found.conditions[: len(inliers)] == inliers
    assert set(found.conditions) == {c.name for c in phantom_spec.conditions}
    assert counts(store)["bundle"] == 2
    assert counts(store)["prediction"] == 10


def test_one_name_for_other_images_is_refused(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    put(store, result, tiny_bundle.folder, inbox.parent)
    before = counts(store)
    (inbox.parent / "0.png").write_bytes((inbox.parent / "1.png").read_bytes())
    # What was scored is stored, whatever lies there by now.
    put(store, result, tiny_bundle.folder, inbox.parent)
    again = score(tiny_bundle.folder, inbox, inbox.parent, inbox.parent / "again.parquet")
    with pytest.raises(StoreError, match="other images"):
        put(store, again, tiny_bundle.folder, inbox.parent)
    assert counts(store) == before
