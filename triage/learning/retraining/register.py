"""The last steps of a run: the gate, the bundle in its place, and its rows in the database."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.atomic_write import whole_file
from triage.errors import BundleError, TrainingError, UsageError
from triage.gating.judge import judge_with_hold_out
from triage.gating.result import GateResult
from triage.intake.described_bundle import bundle_record
from triage.learning.retraining.next_steps import next_steps
from triage.learning.retraining.request import RetrainRequest
from triage.learning.retraining.result import RetrainResult
from triage.learning.retraining.result_page import result_page
from triage.learning.retraining.run_row import finish_run, is_finished, row_of_key
from triage.learning.retraining.run_state import RunState, RunStateError, StepRecord
from triage.named_file import MAX_JSON_BYTES
from triage.regular_file import read_regular
from triage.store import Store, register_bundle
from triage.store.base import utc_now
from triage.systems.bundle import (
    load_bundle_spec,
    load_policy,
    read_manifest,
    save_bundle,
    verify_bundle,
)
from triage.systems.bundle_signature import trusted_bundle_keys
from triage.systems.manifest import BundleManifest

if TYPE_CHECKING:
    from triage.learning.retraining.challenger import Run

GATE, RESULT = "gate", "result"
_ANSWER, _RESULT = "gate_result.json", "result.json"
_TIMED = ("latency", "memory", "performance")
"""Beginnings of the keys of checks whose numbers differ from one run to the next."""


def register(run: Run, before: list[StepRecord]) -> RetrainResult:
    """Have the challenger judged, write its bundle, store it, and return the result."""
    state = run.state
    inputs = [record.digest() for record in before]
    if run.champion is not None:
        gate = state.step(GATE, inputs, lambda folder: _gate(run, folder))
        inputs.append(gate.digest())
    sealed = _write_bundle(run)
    record = state.step(RESULT, inputs, lambda folder: _result(run, sealed, folder))
    result = _read_result(state)
    _store(run.store, run.row, result, run.request, state)
    write_page(run.request.out, result)
    # What the answer was made from holds identifiers of cases: it is not kept.
    state.finish(GATE, RESULT)
    assert record is not None
    return result


def _gate(run: Run, folder: Path) -> dict[str, Any]:
    tables = run.tables("gate")
    if tables is None:
        raise UsageError(
            "the gate split has no case that both systems could read",
            where=run.spec.name,
            hint="Give the spec a gate share, or the test split more cases.",
        )
    assert run.champion is not None, "a first training has nothing to be compared with"
    with run.store.transaction() as session:
        champion = register_bundle(session, run.champion.record(), actor=run.request.actor)
    answer = judge_with_hold_out(
        run.store,
        run.request.policy,
        run.spec,
        *tables,
        run.evidence(),
        champion_bundle=champion,
        actor=run.request.actor,
        progress=run.report,
    )
    (folder / _ANSWER).write_text(answer.result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return {"gate_run": answer.gate_run, "verdict": str(answer.result.verdict)}


def _answer(state: RunState) -> GateResult | None:
    if GATE not in state.steps:
        return None
    return GateResult.model_validate_json(read_regular(state.place(GATE) / _ANSWER, MAX_JSON_BYTES))


def _write_bundle(run: Run) -> BundleManifest:
    """Write the challenger with its lineage and the gate's answer; once."""
    out = run.request.out
    if out.exists():  # of this run, as `_check_place` has seen
        return verify_bundle(out, made_here=read_manifest(out).digest())
    place = run.state.place("train") / "bundle"
    staged = verify_bundle(place, made_here=run.facts("train")["digest"])
    manifest = staged.model_copy(update={"promotion": _promotion(run), "files": {}})
    try:
        return save_bundle(
            out,
            manifest,
            load_policy(place),
            load_bundle_spec(place),
            lambda folder: _copy_networks(place, folder, staged),
        )
    except BundleError as error:
        raise TrainingError(
            "the bundle cannot be written: the disk may be full",
            where=str(out),
            hint="Nothing of it was stored. Free some space, and give the same command again.",
        ) from error


def _copy_networks(place: Path, folder: Path, manifest: BundleManifest) -> None:
    """Copy what is not written anew: the weights, and whatever else is no text of the bundle."""
    for name in manifest.files:
        if name in ("policy.json", "spec.json", "model_card.md"):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place / name, target)


def _promotion(run: Run) -> dict[str, Any]:
    """What the bundle says of its own making; nothing in it differs when the run is done again."""
    answer = _answer(run.state)
    facts = run.facts("snapshot")
    return {
        "run": run.state.key,
        "champion": None if run.champion is None else run.champion.manifest.digest(),
        "dataset_version": facts["root"],
        "splits": facts["splits"],
        "labels": facts["labels"],
        "policy": run.request.policy.hash,
        "policy_signed_by": run.request.policy.signed_by,
        "verdict": None if answer is None else str(answer.verdict),
        "gate_set": None if answer is None else answer.gate_set,
        "submission": None if answer is None else answer.submission,
        "checks": []
        if answer is None
        else [
            {
                "check": check.check,
                "group": check.group,
                "verdict": None if check.verdict is None else str(check.verdict),
                "decides": check.decides,
            }
            for check in answer.checks
            if not check.check.startswith(_TIMED)
        ],
    }


def _result(run: Run, sealed: BundleManifest, folder: Path) -> dict[str, Any]:
    facts, answer = run.facts("snapshot"), _answer(run.state)
    result = RetrainResult(
        out=str(run.request.out),
        bundle=sealed.digest(),
        champion=None if run.champion is None else run.champion.manifest.digest(),
        run=run.state.key,
        dataset_version=facts["root"],
        spec=run.spec.name,
        policy_hash=run.request.policy.hash,
        policy_signed_by=run.request.policy.signed_by,
        started_at=run.row.started_at,
        finished_at=utc_now().isoformat(timespec="seconds"),
        splits=facts["splits"],
        labels=facts["labels"],
        left_out=tuple(facts["left_out"]),
        rejected=run.facts("evaluate")["rejected"],
        validation=run.facts("calibrate")["validation"],
        reported=run.facts("compare")["reported"],
        gate=answer,
        number=run.row.number,
        next_steps=next_steps(
            answer,
            bundle=sealed.digest(),
            out=str(run.request.out),
            champion_folder="" if run.champion is None else str(run.champion.folder),
            run=run.row.number,
            sign=trusted_bundle_keys() is not None,
        ),
    )
    (folder / _RESULT).write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return {"bundle": sealed.digest()}


def _read_result(state: RunState) -> RetrainResult:
    place = state.place(RESULT) / _RESULT
    return RetrainResult.model_validate_json(read_regular(place, MAX_JSON_BYTES))


def _store(
    store: Store, row: Any, result: RetrainResult, request: RetrainRequest, state: RunState
) -> None:
    """Register the bundle and finish the run, in one transaction; once."""
    manifest = verify_bundle(request.out, made_here=read_manifest(request.out).digest())
    if manifest.digest() != result.bundle:
        raise RunStateError(
            "is not the bundle that this run made",
            where=str(request.out),
            hint="Remove it, and give the same command again.",
        )
    gate_run = state.steps[GATE].facts["gate_run"] if GATE in state.steps else None
    steps = {
        name: {"inputs": step.inputs, "output": step.digest(), "finished_at": step.finished_at}
        for name, step in state.steps.items()
    }
    with store.transaction() as session:
        finish_run(
            session,
            row,
            bundle_record(manifest, request.out),
            gate_run,
            steps,
            actor=request.actor,
        )


def finished_result(request: RetrainRequest, state: RunState, store: Store) -> RetrainResult:
    """Return the result of a run that is finished; store it again if the database has lost it.

    Raises
    ------
    RunStateError
        If the bundle was deleted or altered since, or the database has lost the run's data too.
    """
    state.verify(GATE, RESULT)
    result = _read_result(state)
    if not request.out.exists():
        raise RunStateError(
            "the bundle of this finished run is gone",
            where=str(request.out),
            hint=f"Restore it from a copy, or delete {state.folder} to train it again.",
        )
    verify_bundle(request.out, made_here=result.bundle)
    with store.reading() as session:
        stored = is_finished(session, state.key, result.bundle)
        row = row_of_key(session, state.key)
    if not stored:
        if row is None:
            raise RunStateError(
                "the case database does not know this finished run",
                where=store.place,
                hint=f"Give the database it was made with, or delete {state.folder} and the "
                "bundle to train it again.",
            )
        _store(store, row, result, request, state)
    return result


def write_page(out: Path, result: RetrainResult) -> None:
    """Write the result beside the bundle, as a page and as JSON.

    Raises
    ------
    TrainingError
        If they cannot be written.
    """
    texts = {".html": result_page(result), ".json": result.model_dump_json(indent=2) + "\n"}
    try:
        for suffix, text in texts.items():
            with whole_file(out.with_name(f"{out.name}.retrain_result{suffix}")) as partial:
                partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"the result cannot be written: {error.strerror}",
            where=str(out.parent),
            hint="Free some space, and give the same command again.",
        ) from error
