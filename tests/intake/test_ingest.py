from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase

import triage.intake.ingest as module
from tests.readers import lock, states, without_files
from tests.store.databases import database_url, postgres_url
from tests.tiny import TinyBundle
from triage.data.manifest import Case as ManifestCase
from triage.data.spec import DataSpec
from triage.hashing import hash_file
from triage.intake.described_bundle import bundle_record
from triage.intake.ingest import IngestResult, ingest
from triage.intake.score import ScoreResult, score
from triage.store import (
    NOT_LISTED,
    Store,
    cases_waiting,
    champion,
    events,
    find_case,
    get_case,
    open_store,
    register_bundle,
    set_champion,
    shown_prediction,
)
from triage.store.features import features_of
from triage.store.tables import Bundle, Case, Event, Image, Patient, Prediction
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION


def put(store: Store, result: ScoreResult, bundle: Path, root: Path) -> IngestResult:
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
    assert put(store, result, tiny_bundle.folder, inbox.parent) == IngestResult(5)
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
            assert shown.decision.recommendation == row["recommendation"]
            assert shown.decision.p_outlier == pytest.approx(row["p_outlier"])
            assert shown.decision.aleatoric == pytest.approx(row["aleatoric"])
            assert shown.decision.epistemic == pytest.approx(row["epistemic"])
            assert shown.decision.queue_urgency == row["queue_urgency"]
            assert shown.bundle_digest == tiny_bundle.manifest.digest()
        for case, there in (("d", True), ("e", False)):
            number = find_case(session, result.source, case) or 0
            shown = shown_prediction(session, number)
            assert shown is not None
            assert shown.decision.recommendation == NO_AI_OPINION
            assert shown.decision.reason_code is AbstainReason.QUALITY
            assert shown.decision.condition is None
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
            assert shown.decision.epistemic is None
            assert shown.decision.aleatoric == pytest.approx(aleatoric)


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
    calls = []

    def interrupted(*arguments: Any, **named: Any) -> dict[int, int]:
        calls.append(add(*arguments, **named))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return calls[-1]

    add = module.add_new_cases
    with monkeypatch.context() as patch:
        patch.setattr(module, "add_new_cases", interrupted)
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


def test_one_name_for_other_images_is_refused_alone(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    folder = inbox.parent
    three = replace(result, cases=result.cases[:3])
    put(store, three, tiny_bundle.folder, folder)
    before = stored_images(store)
    (folder / "0.png").write_bytes((folder / "1.png").read_bytes())
    # What was scored is stored, whatever lies there by now.
    assert put(store, three, tiny_bundle.folder, folder) == IngestResult(3)
    again = score(tiny_bundle.folder, inbox, folder, folder / "again.parquet")
    found = put(store, again, tiny_bundle.folder, folder)
    changed = again.cases[0].case_id
    assert found.stored == 4
    assert [one.case_id for one in found.not_stored] == [changed]
    assert "other images" in str(found.not_stored[0].error)
    after = stored_images(store)
    assert set(after) == {case.case_id for case in again.cases}
    assert {name: after[name] for name in before} == before


def stored_images(store: Store) -> dict[str, list[str | None]]:
    with store.reading() as session:
        query = select(Case).order_by(Case.external_id)
        return {
            row.external_id: [one.sha256 for one in row.images] for row in session.scalars(query)
        }


def shown_of(store: Store, source: str, case: str) -> tuple[str | None, int]:
    """Condition that is shown of a case, and how many of its events there are."""
    with store.reading() as session:
        number = find_case(session, source, case) or 0
        shown = shown_prediction(session, number)
        assert shown is not None
        return shown.decision.condition, len(events(session, number))


def supply(folder: Path) -> None:
    for name in ("4.png", "5.png"):
        (folder / name).write_bytes((folder / "0.png").read_bytes())


def test_a_file_supplied_later_lets_its_case_go_on(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    """`d` had an empty file, `e` none."""
    folder = inbox.parent
    put(store, result, tiny_bundle.folder, folder)
    assert [shown_of(store, result.source, case) for case in "de"] == [(None, 2)] * 2
    supply(folder)
    again = score(tiny_bundle.folder, inbox, folder, folder / "again.parquet")
    for _ in range(2):
        assert put(store, again, tiny_bundle.folder, folder) == IngestResult(5)
        for case in "de":
            condition, happened = shown_of(store, result.source, case)
            assert condition is not None
            assert happened == 5
            assert stored_images(store)[case] == [hash_file(folder / "0.png")]
    with store.reading() as session:
        number = find_case(session, result.source, "e") or 0
        supplied = next(one for one in events(session, number) if one.kind == "images_supplied")
        assert len(cases_waiting(session)) == 5
    assert supplied.payload["former"] == {"0": None}
    assert counts(store)["prediction"] == 5
    # What was read once and is missing now is refused, and stays.
    (folder / "5.png").unlink()
    gone = score(tiny_bundle.folder, inbox, folder, folder / "gone.parquet")
    found = put(store, gone, tiny_bundle.folder, folder)
    assert [(one.case_id, "missing now" in str(one.error)) for one in found.not_stored] == [
        ("e", True)
    ]
    assert shown_of(store, result.source, "e")[1] == 5


def test_a_case_that_a_reader_has_read_keeps_its_images(
    store: Store,
    result: ScoreResult,
    tiny_bundle: TinyBundle,
    inbox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = inbox.parent
    put(store, result, tiny_bundle.folder, folder)
    with store.reading() as session:
        number = find_case(session, result.source, "d") or 0
    without_files(monkeypatch)
    lock(store, number, "Ann", **states(NOT_LISTED))
    before = stored_images(store)["d"]
    supply(folder)
    again = score(tiny_bundle.folder, inbox, folder, folder / "again.parquet")
    found = put(store, again, tiny_bundle.folder, folder)
    assert [one.case_id for one in found.not_stored] == ["d"]
    assert stored_images(store)["d"] == before
    assert shown_of(store, result.source, "d")[0] is None
    assert shown_of(store, result.source, "e")[0] is not None


def test_moved_files_are_recognised_within_their_source(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    put(store, result, tiny_bundle.folder, inbox.parent)
    before = counts(store)
    moved = tmp_path / "moved"
    inbox.parent.rename(moved)
    again = score(tiny_bundle.folder, moved / inbox.name, moved, tmp_path / "again.parquet")
    put(store, replace(again, source=result.source), tiny_bundle.folder, moved)
    assert counts(store) == before
    with store.reading() as session:
        case = get_case(session, find_case(session, result.source, "b") or 0)
    assert all((Path(image.root) / image.path).is_file() for image in case.images)
    # Another source may use the same names for other patients.
    put(store, replace(again, source="another clinic"), tiny_bundle.folder, moved)
    assert counts(store)["case"] == 2 * before["case"]
    assert counts(store)["patient"] == 2 * before["patient"]


def test_a_value_that_the_database_does_not_take_stops_its_case_only(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    first, *rest = result.cases
    odd = replace(first, patient_id="p\udcff")  # what a file name that is no UTF-8 becomes
    found = put(store, replace(result, cases=[odd, *rest]), tiny_bundle.folder, inbox.parent)
    assert found.stored == 4
    assert [one.case_id for one in found.not_stored] == [first.case_id]
    assert "UnicodeEncodeError" in str(found.not_stored[0].error)
    assert set(stored_images(store)) == {case.case_id for case in rest}


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_two_writers_of_the_same_cases_do_not_stop_each_other(
    kind: str, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    """In opposite orders, with patients shared between cases."""
    with database_url(kind, tmp_path) as url:
        two_writers(url, result, tiny_bundle, inbox)


def two_writers(url: str, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path) -> None:
    rounds = 6
    many = [
        replace(case, case_id=f"{case.case_id}{number:02d}", patient_id=f"p{number % 3}")
        for number in range(20)
        for case in result.cases[-1:]
    ]
    missing = result.scored.rejected[result.cases[-1].case_id]
    scored = replace(result.scored, rejected={case.case_id: missing for case in many})
    stores = [open_store(url, create=True) for _ in range(2)]
    found: list[IngestResult] = []

    def work(store: Store, cases: list[ManifestCase]) -> None:
        for number in range(rounds):
            given = replace(result, cases=cases, scored=scored, source=f"s{number}")
            found.append(put(store, given, tiny_bundle.folder, inbox.parent))

    threads = [
        threading.Thread(target=work, args=(stores[0], many)),
        threading.Thread(target=work, args=(stores[1], many[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [IngestResult(20)] * (2 * rounds)
    assert counts(stores[0])["case"] == 20 * rounds
    assert counts(stores[0])["patient"] == 3 * rounds
    for store in stores:
        store.close()


@pytest.mark.postgres
def test_of_two_bundles_at_once_one_comes_into_use(
    result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    other = replace(result, manifest=result.manifest.model_copy(update={"name": "other"}))
    with postgres_url() as url:
        store = open_store(url, create=True)
        found: list[IngestResult] = []
        thread = threading.Thread(
            target=lambda: found.append(put(store, result, tiny_bundle.folder, inbox.parent))
        )
        with store.transaction() as session:
            record = bundle_record(other.manifest, tiny_bundle.folder)
            set_champion(session, register_bundle(session, record))
            thread.start()
            thread.join(timeout=2)  # it waits for this transaction, or has not come so far
        thread.join(timeout=60)
        with store.reading() as session:
            in_use = champion(session)
        store.close()
    assert found == [IngestResult(5)]
    assert in_use is not None
    assert in_use.name == "other"


def test_vectors_are_stored_beside_the_opinions_once(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    features = {case.case_id: unit_vector(n) for n, case in enumerate(result.cases)}
    unread = {*result.scored.rejected}
    given = {name: vector for name, vector in features.items() if name not in unread}
    with_vectors = replace(result, scored=replace(result.scored, features=given))
    put(store, with_vectors, tiny_bundle.folder, inbox.parent)
    put(store, result, tiny_bundle.folder, inbox.parent)
    before = counts(store)
    put(store, with_vectors, tiny_bundle.folder, inbox.parent)
    assert counts(store) == before
    with store.reading() as session:
        for case in result.cases:
            number = find_case(session, result.source, case.case_id)
            found = features_of(session, number or 0, 1)
            if case.case_id in unread:
                assert found is None
            else:
                assert found is not None
                assert found.tolist() == features[case.case_id].tolist()


def test_cases_that_were_stored_without_vectors_get_them_when_scored_again(
    store: Store, result: ScoreResult, tiny_bundle: TinyBundle, inbox: Path
) -> None:
    """As a database of an earlier release is."""
    put(
        store,
        replace(result, scored=replace(result.scored, features={})),
        *(tiny_bundle.folder, inbox.parent),
    )
    name = result.scored.predictions.cases["case_id"].iloc[0]
    given = {name: unit_vector(1)}
    put(
        store,
        replace(result, scored=replace(result.scored, features=given)),
        *(tiny_bundle.folder, inbox.parent),
    )
    with store.reading() as session:
        number = find_case(session, result.source, name)
        found = features_of(session, number or 0, 1)
    assert found is not None
    assert found.tolist() == unit_vector(1).tolist()


def unit_vector(place: int) -> np.ndarray:
    return np.eye(8, dtype=np.float32)[place]
