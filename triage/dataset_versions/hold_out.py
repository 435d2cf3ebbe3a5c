"""Which cases are held out for the gate, and which of them are frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from pydantic import BaseModel, ConfigDict, Field

from triage.data.dataset import Dataset
from triage.data.patient_split import unit_hash
from triage.data.spec import Share
from triage.dataset_versions.version import case_key
from triage.vocabulary.learning import MemberSplit

_HELD_OUT = (MemberSplit.TEST, MemberSplit.GATE)


class HoldOutRule(BaseModel):
    """How the gate split and the frozen regression set are chosen.

    Parameters
    ----------
    share_of_test : float
        Share of the test split's clusters that is the gate split where the spec has no gate share.
        Reports then show these cases too.
    frozen_share : float
        Share of the gate split's clusters that is the frozen regression set.
    seed : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share_of_test: Share = 0.5
    frozen_share: Share = 0.3
    seed: int = Field(0, ge=0)


def gate_is_reported(dataset: Dataset) -> bool:
    """Return whether reports show the cases of the gate split: the spec has no gate share."""
    return dataset.spec.split.gate is None and "gate" not in dataset.splits


def assign_splits(
    dataset: Dataset,
    rule: HoldOutRule,
    frozen_keys: Collection[str] = (),
    *,
    sources: Mapping[str, str] | None = None,
) -> list[MemberSplit]:
    """Return the split of each case of a data set, with the gate split and the frozen set.

    Training and validation cases stay what they are, unless a case of their cluster is frozen.

    Parameters
    ----------
    dataset : Dataset
    rule : HoldOutRule
    frozen_keys : collection of str
        Keys of the cases of the frozen set, once it was chosen. Then no case joins it, and what is
        in a cluster of one of them and would train is left out. Without any the set is chosen: by
        a hash of the cluster's name.
    sources : mapping of str to str, optional
        Source of the cases, by `case_id`, that come from elsewhere than the spec's source.

    Returns
    -------
    list of MemberSplit
        One a case, in the order of `dataset.cases`.
    """
    elsewhere = sources or {}
    own = dataset.spec.case_source
    keys = [case_key(elsewhere.get(case.case_id, own), case.case_id) for case in dataset.cases]
    frozen = [key in frozen_keys for key in keys]
    clusters: dict[str, bool] = defaultdict(bool)
    for case, is_frozen in zip(dataset.cases, frozen, strict=True):
        clusters[case.cluster] |= is_frozen
    no_gate = gate_is_reported(dataset)
    found = []
    for case, split, is_frozen in zip(dataset.cases, dataset.splits, frozen, strict=True):
        placed = MemberSplit(split)
        if no_gate and placed is MemberSplit.TEST and _below(case.cluster, "gate", rule):
            placed = MemberSplit.GATE
        if is_frozen:
            placed = MemberSplit.FROZEN
        elif clusters[case.cluster]:
            placed = MemberSplit.GATE if placed in _HELD_OUT else MemberSplit.EXCLUDED
        elif (
            not frozen_keys and placed is MemberSplit.GATE and _below(case.cluster, "frozen", rule)
        ):
            placed = MemberSplit.FROZEN
        found.append(placed)
    return found


def _below(cluster: str, what: str, rule: HoldOutRule) -> bool:
    share = rule.share_of_test if what == "gate" else rule.frozen_share
    # Another text than the hash that places clusters in splits, which is in the tail here.
    return unit_hash(f"{what}:{cluster}", rule.seed) < share
