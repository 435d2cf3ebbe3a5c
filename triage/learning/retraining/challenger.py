"""The steps of a run after its data are known; each is done once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from triage.dataset_versions.hold_out import gate_is_reported
from triage.engine import open_executor
from triage.errors import TrainingError
from triage.gating.evidence import GateEvidence
from triage.gating.gate_table import GateTable, gate_table
from triage.labels.reviewed_cases import check_files
from triage.learning.retraining import measured
from triage.learning.retraining.gate_evidence import measure_evidence
from triage.learning.retraining.measured import CHALLENGER, CHAMPION, HELD_OUT, TEST
from triage.learning.retraining.register import register
from triage.learning.retraining.request import Champion, RetrainRequest
from triage.learning.retraining.result import RetrainResult
from triage.learning.retraining.run_row import RunRow
from triage.learning.retraining.run_state import RunState, StepRecord
from triage.learning.retraining.training_data import TrainingData
from triage.predictions import Predictions
from triage.progress import Progress
from triage.store import Store
from triage.systems.bundle import load_system, save_bundle
from triage.systems.families import family_of
from triage.systems.family import Fitted
from triage.systems.manifest import BundleManifest
from triage.systems.trained_system import TrainedSystem
from triage.vocabulary.learning import MemberSplit

BUNDLE, CHECKPOINTS = "bundle", "checkpoints"


class Run:
    """A run of which the data are known.

    Parameters
    ----------
    request : RetrainRequest
    store : Store
    state : RunState
    champion : Champion or None
    data : TrainingData
    row : RunRow
    report : callable
    """

    def __init__(
        self,
        request: RetrainRequest,
        store: Store,
        state: RunState,
        champion: Champion | None,
        data: TrainingData,
        row: RunRow,
        report: Progress,
    ) -> None:
        self.request = request
        self.store = store
        self.state = state
        self.champion = champion
        self.data = data
        self.row = row
        self.report = report
        self.spec = request.spec

    def result(self) -> RetrainResult:
        """Do what is left to do, and return the result."""
        snapshot = self.state.step("snapshot", [self.data.version.root], self._snapshot)
        train = self.state.step("train", [snapshot.digest()], self._train)
        calibrate = self.state.step("calibrate", [train.digest()], self._calibrate)
        evaluate = self.state.step("evaluate", [calibrate.digest()], self._evaluate)
        compare = self.state.step("compare", [evaluate.digest()], self._compare)
        before = [snapshot, train, calibrate, evaluate, compare]
        if self.champion is not None:
            before.append(self.state.step("evidence", [evaluate.digest()], self._evidence))
        return register(self, [*before])

    @cached_property
    def challenger(self) -> tuple[TrainedSystem, BundleManifest]:
        """The challenger as the step `train` wrote it; nobody can have signed it yet."""
        made = self.facts("train")["digest"]
        return load_system(self.state.place("train") / BUNDLE, made_here=made)

    def facts(self, step: str) -> dict[str, Any]:
        """Return the facts of a step that is done."""
        return self.state.steps[step].facts

    def digests(self) -> dict[str, StepRecord]:
        """Return the records of all steps that are done."""
        return self.state.steps

    def _snapshot(self, folder: Path) -> dict[str, Any]:
        version = self.data.version
        (folder / "dataset_version.json").write_text(
            version.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        counts = Counter(str(member.split) for member in version.members)
        return {
            "root": version.root,
            "splits": {str(split): counts.get(str(split), 0) for split in MemberSplit},
            "labels": self.data.counts,
            "left_out": [each.as_json() for each in self.data.left_out],
        }

    def _train(self, folder: Path) -> dict[str, Any]:
        checkpoints = self.state.place(CHECKPOINTS)
        given: dict[str, Any] = {
            "cache_folder": self.request.cache_folder,
            "checkpoints": checkpoints,
            "progress": self.report,
        }
        with open_executor(self.request.engine) as executor:
            fitted = self._fitted({**given, "executor": executor})
        self._check_unchanged(checkpoints)
        manifest = fitted.manifest.model_copy(update={"created_at": self.row.started_at})
        sealed = save_bundle(
            folder / BUNDLE, manifest, fitted.system.policy, self.spec, fitted.write_networks
        )
        return {
            "digest": sealed.digest(),
            "settings_hash": sealed.settings_hash,
            "members": len(sealed.members),
            "rejected": sealed.rejected,
        }

    def _fitted(self, given: dict[str, Any]) -> Fitted[TrainedSystem]:
        """Train with the champion's settings, or for the first time."""
        family, name = family_of(self.spec.modality), self.request.out.name
        if self.champion is None:
            return family.fit(self.data.dataset, self.request.settings, name, **given)
        system = self.champion.system
        return family.refit(
            system,
            self.champion.manifest,
            self.data.dataset,
            name,
            annotated=family.has_new_annotations(system, self.data.dataset),
            **given,
        )

    def _check_unchanged(self, checkpoints: Path) -> None:
        """Refuse a challenger if a file that it trained on was replaced while it trained."""
        _, changed = check_files(self.data.reviewed)
        if changed:
            # The next run would resume from weights that have seen the other bytes.
            shutil.rmtree(checkpoints, ignore_errors=True)
            raise TrainingError(
                f"the files of {len(changed)} reviewed cases changed while they were trained on",
                where=", ".join(each.case for each in changed[:5]),
                hint="Nothing was stored. Let no one write to the folder, and run it again.",
            )

    def _calibrate(self, folder: Path) -> dict[str, Any]:
        """Record what fitting fixed on the validation split."""
        _, manifest = self.challenger
        found = {
            "thresholds": manifest.thresholds,
            "score": manifest.score,
            "validation": manifest.metrics,
        }
        content = {**found, "policy_file": manifest.files["policy.json"]}
        (folder / "calibration.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
        return found

    def _evaluate(self, folder: Path) -> dict[str, Any]:
        parts = {
            TEST: self.data.reported.of_split("test"),
            HELD_OUT: self.data.dataset.of_split("gate", "frozen"),
        }
        cache = self.request.cache_folder
        rejected = {"train": self.facts("train")["rejected"]}
        system, _ = self.challenger
        both = [(CHALLENGER, system)]
        if self.champion is not None:
            both.insert(0, (CHAMPION, self.champion.system))
        for who, one in both:
            found = measured.predict_parts(one, parts, who, folder, cache, self.report)
            rejected |= found
        return {"rejected": rejected}

    def _compare(self, folder: Path) -> dict[str, Any]:
        system, _ = self.challenger
        self.report("comparing both systems", 0, 1)
        found = measured.compare_reported(
            self.state.place("evaluate"),
            None if self.champion is None else self.champion.system,
            system,
            self.spec,
        )
        (folder / "reported.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
        self.report("comparing both systems", 1, 1)
        return {"reported": found}

    def _evidence(self, folder: Path) -> dict[str, Any]:
        assert self.champion is not None, "a first training has nothing to be compared with"
        system, _ = self.challenger
        gate = self.part("gate", CHAMPION)
        return measure_evidence(
            self.champion,
            system,
            self.state.place("train") / BUNDLE,
            self.data,
            gate,
            folder=folder,
            request=self.request,
            store=self.store,
            checkpoints=self.state.place(CHECKPOINTS) / "twin",
            report=self.report,
        )

    def part(self, split: str, who: str) -> Predictions | None:
        """Return the predictions of one system on the gate split or on the frozen set."""
        found = measured.read_part(self.state.place("evaluate"), HELD_OUT, who)
        if found is None:
            return None
        ids = {case.case_id for case in self.data.dataset.of_split(split)}
        return measured.rows_of(found, ids)

    def tables(self, split: str) -> tuple[GateTable, GateTable] | None:
        """Return the gate's tables of both systems on a split; None where it has no case."""
        assert self.champion is not None, "a first training has nothing to be compared with"
        both = self._both(split)
        if both is None:
            return None
        system, _ = self.challenger
        return (
            gate_table(both[0], self.spec, self.champion.system.policy),
            gate_table(both[1], self.spec, system.policy),
        )

    def _both(self, split: str) -> tuple[Predictions, Predictions] | None:
        before, after = self.part(split, CHAMPION), self.part(split, CHALLENGER)
        if before is None or after is None:
            return None
        before, after = measured.aligned(before, after)
        return (before, after) if len(before) else None

    def evidence(self) -> GateEvidence:
        """Return what the gate may know beyond the tables of the gate split."""
        facts = self.facts("evidence")
        frozen = self._both("frozen")
        return GateEvidence(
            frozen_champion=None if frozen is None else frame_of(frozen[0]),
            frozen_challenger=None if frozen is None else frame_of(frozen[1]),
            seed_flip_rate=facts["seed_flip_rate"],
            far_champion=_numbers(facts["far_champion"]),
            far_challenger=_numbers(facts["far_challenger"]),
            seconds_champion=facts["seconds_champion"],
            seconds_challenger=facts["seconds_challenger"],
            bytes_champion=facts["bytes_champion"],
            bytes_challenger=facts["bytes_challenger"],
            gate_split_is_reported=gate_is_reported(self.data.reported),
        )


def frame_of(predictions: Predictions) -> pd.DataFrame:
    """Return the cases of predictions beside their decisions, as the gate reads a table."""
    assert predictions.decisions is not None, "a system decides what it scores"
    decisions = predictions.decisions.reset_index(drop=True)
    return pd.concat([predictions.cases.reset_index(drop=True), decisions], axis=1)


def _numbers(found: list[float] | None) -> tuple[float, ...] | None:
    return None if found is None else tuple(found)
