"""A challenger judged on a gate split whose uses are counted in the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.errors import StoreError
from triage.gating.check_keys import IMPROVEMENT
from triage.gating.evidence import GateEvidence
from triage.gating.gate import run_gate
from triage.gating.gate_runs import judged, next_state, record_gate_run
from triage.gating.gate_table import GateTable
from triage.gating.hold_out_ladder import HoldOutState, answered_by_interval
from triage.gating.policy import Improvement, LoadedPolicy
from triage.gating.result import GateResult
from triage.gating.shown_result import shown_result
from triage.hashing import hash_bytes, hash_json
from triage.progress import Progress
from triage.store import Store
from triage.vocabulary.learning import GateVerdict

_TRIES = 8
_PARTS_OF_A_STEP = 4


@dataclass(frozen=True)
class Judged:
    """The answer of a gate split.

    Parameters
    ----------
    gate_run : int
        Row of `gate_run`.
    result : GateResult
        As it is shown and stored.
    repeated : bool
        Whether the same predictions had this answer before; then nothing was computed or counted.
    """

    gate_run: int
    result: GateResult
    repeated: bool


def judge_with_hold_out(
    store: Store,
    loaded: LoadedPolicy,
    spec: DataSpec,
    champion: GateTable,
    challenger: GateTable,
    evidence: GateEvidence = GateEvidence(),  # noqa: B008  # frozen
    *,
    champion_bundle: int | None = None,
    challenger_bundle: int | None = None,
    actor: str,
    progress: Progress = lambda *_: None,
) -> Judged:
    """Judge a challenger, count the use of the gate split, and store what is shown of the answer.

    The level of improvement is spent over the uses (`level_of_use`), and never larger than the
    policy's. The gate is computed outside of a transaction; if another submission was counted
    meanwhile, it is computed again at the level of the number that it then has.

    Parameters
    ----------
    store : Store
    loaded, spec, champion, challenger, evidence, progress
        As for `triage.gating.gate.run_gate`.
    champion_bundle, challenger_bundle : int, optional
        Rows of `bundle`, where they are registered.
    actor : str
        Who asked.

    Raises
    ------
    UsageError
        If the tables hold different cases or labels.
    StoreError
        If the database refuses, or others use the split all the time.
    """
    submitted = _Submission(
        loaded,
        champion,
        hash_json([champion.content_hash, challenger.content_hash]),
        evidence,
        (champion_bundle, challenger_bundle),
        actor,
    )
    for _ in range(_TRIES):
        with store.reading() as session:
            known = submitted.known(session)
            expected = None if known is not None else submitted.counted(session)
        if expected is None:
            assert known is not None
            return known
        at_level = policy_at(loaded, expected.level)
        found = run_gate(at_level, spec, champion, challenger, evidence, progress=progress)
        done = store.write(partial(submitted.recorded, found=found, expected=expected))
        if done is not None:
            return done
    raise StoreError(
        "Other submissions were judged on this gate split all the time.",
        where=store.place,
        hint="Run it again.",
    )


@dataclass(frozen=True)
class _Submission:
    """Both predictions and what belongs to them; `bundles` are the rows of both."""

    loaded: LoadedPolicy
    champion: GateTable
    predictions: str
    evidence: GateEvidence
    bundles: tuple[int | None, int | None]
    actor: str

    @cached_property
    def hash(self) -> str:
        """Hash of the submission."""
        return submission_hash(self.predictions, self.evidence)

    def known(self, session: Session) -> Judged | None:
        """The answer that it had before, if any."""
        found = judged(session, self.loaded.hash, self.champion.cases_hash, self.hash)
        return None if found is None else Judged(*found, repeated=True)

    def counted(self, session: Session) -> HoldOutState:
        """Its number and level."""
        split = self.champion
        return next_state(session, split.cases_hash, self.predictions, split.ids)

    def recorded(
        self, session: Session, *, found: GateResult, expected: HoldOutState
    ) -> Judged | None:
        """Store what was found; None if another submission took the number meanwhile."""
        counted = self.counted(session)
        if (counted.use, counted.improvements) != (expected.use, expected.improvements):
            return None
        result = found.model_copy(
            update={
                "policy_hash": self.loaded.hash,
                "policy_signed_by": self.loaded.signed_by,
                "gate_set": self.champion.cases_hash,
                "submission": self.hash,
            }
        )
        state = _answered(counted, result, self.loaded)
        shown = shown_result(result, state, _level_of_intervals(self.loaded))
        number = record_gate_run(
            session,
            shown,
            champion=self.bundles[0],
            challenger=self.bundles[1],
            actor=self.actor,
            state=state,
        )
        return Judged(number, shown, repeated=False)


def submission_hash(predictions: str, evidence: GateEvidence) -> str:
    """Return the hash of a submission: both predictions, and what else was known of them.

    Times and memory are measured anew each time, so only that they were measured counts.
    """
    frozen = [
        None if table is None else hash_bytes(table.to_csv(index=False).encode())
        for table in (evidence.frozen_champion, evidence.frozen_challenger)
    ]
    measured = [
        evidence.seconds_champion is not None,
        evidence.seconds_challenger is not None,
        evidence.bytes_champion is not None,
        evidence.bytes_challenger is not None,
    ]
    return hash_json(
        [
            predictions,
            frozen,
            evidence.seed_flip_rate,
            evidence.far_champion,
            evidence.far_challenger,
            measured,
        ]
    )


def policy_at(loaded: LoadedPolicy, level: float) -> LoadedPolicy:
    """Return a policy whose level of improvement is at most the one given; its hash stays."""
    improvement = loaded.policy.improvement
    if not isinstance(improvement, Improvement):
        return loaded
    spent = improvement.model_copy(update={"level": min(level, improvement.level)})
    return replace(loaded, policy=loaded.policy.model_copy(update={"improvement": spent}))


def _answered(counted: HoldOutState, result: GateResult, loaded: LoadedPolicy) -> HoldOutState:
    """The state after an answer; what is sure of the gain is that of the first improvement."""
    found = [each for each in result.checks if each.check == IMPROVEMENT and each.low is not None]
    said = [each for each in found if each.verdict is GateVerdict.PASSES] or found
    first = said[0] if said else None
    improvement = loaded.policy.improvement
    level = counted.level
    if isinstance(improvement, Improvement):
        level = min(level, improvement.level)
    state = answered_by_interval(
        counted.model_copy(update={"level": level}),
        result.better,
        None if first is None else first.low,
        None if first is None else first.high,
    )
    return state.model_copy(update={"readiness": loaded.policy.readiness})


def _level_of_intervals(loaded: LoadedPolicy) -> float:
    gate = loaded.policy.gate
    return 0.025 if gate is None else gate.level
