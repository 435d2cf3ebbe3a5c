"""What each rule of a retraining policy means, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triage.gating.policy import GatePolicy

_MEASURES = {
    "urgent_sensitivity": "the share of urgent cases recommended as urgent",
    "accuracy": "the share of known conditions that are named right",
    "recommendation": "the share of cases with the urgency of their condition",
    "clinical_cost": "the mean clinical cost of a case",
}
_WHERE = {
    "overall": "On all cases",
    "groups": "In each level of each gated subgroup",
    "worst_group": "For the lowest level of each axis",
}


@dataclass(frozen=True)
class PolicyRule:
    """One value of the policy.

    Parameters
    ----------
    key : str
        Its dotted path in the YAML file.
    value : str
    sentence : str
    """

    key: str
    value: str
    sentence: str


def policy_rules(policy: GatePolicy) -> tuple[PolicyRule, ...]:
    """Return every value of a policy, defaults resolved, each with what it means.

    A value without a sentence of its own is stated by its key, so that none is left out.
    """
    return tuple(
        PolicyRule(key, _shown(value), _sentence(key, value))
        for key, value in _values(policy.model_dump(mode="json"))
    )


def _values(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        key = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _values(value, f"{key}.")
        else:
            yield key, value


def _shown(value: Any) -> str:
    if value is None:
        return "not checked"
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{name} {_shown(each)}" for name, each in value.items() if each is not None
        )
    return str(value)


def _share(value: Any) -> str:
    return f"{100 * value:g} %" if isinstance(value, float | int) else str(value)


def _required(one: Any) -> str:
    """A check by its key, or a bound on the interval of a paired difference."""
    if not isinstance(one, Mapping):
        return f"the check {one} must be done and pass"
    low, high = one["low_at_least"], one["high_at_most"]
    end = f"at {low:+g} or above" if low is not None else f"at {high:+g} or below"
    which = "lower" if low is not None else "upper"
    return f"the {which} end of the 95 % interval of the change in {one['metric']} is {end}"


def _sentence(key: str, value: Any) -> str:
    first, _, last = key.rpartition(".")
    place = first.rpartition(".")[2]
    if place in _WHERE and last in _MEASURES:
        if value is None:
            return f"{_WHERE[place]}, {_MEASURES[last]} is not checked."
        worse = "rises" if last == "clinical_cost" else "falls"
        by = f"{value:g}" if last == "clinical_cost" else _share(value)
        return f"{_WHERE[place]}, {_MEASURES[last]} {worse} by no more than {by}."
    if key == "gate":
        return "A policy of an earlier release: no checks of groups; the bounds below decide."
    if value is None:
        return f"{_words(key).capitalize()}: not checked."
    write = _SENTENCES.get(key)
    return f"{_words(key).capitalize()}: {_shown(value)}." if write is None else write(value)


def _words(key: str) -> str:
    return key.replace(".", ", ").replace("_", " ")


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "labels.sources": lambda value: (
        f"Only labels of these sources train: {_shown(value)}. "
        + (
            "Reads that had seen the AI's opinion are among them."
            if "ai_visible" in value
            else "Reads that had seen the AI's opinion do not."
        )
    ),
    "labels.min_labels": lambda value: f"Fewer than {value} new labels do not start a training.",
    "hold_out.share_of_test": lambda value: (
        f"Where the data spec has no gate split, {_share(value)} of the test split's clusters are "
        "the gate split, and results say that reports show it too."
    ),
    "hold_out.frozen_share": lambda value: (
        f"{_share(value)} of the gate split is the frozen regression set, chosen once."
    ),
    "hold_out.seed": lambda value: f"Both are chosen by a hash with the seed {value}.",
    "gate.level": lambda value: (
        f"Each non-inferiority check has the one-sided level {value:g}: a challenger worse by the "
        "whole margin passes it no more often than that."
    ),
    "gate.subgroups.axes": lambda value: (
        "Every subgroup of the data spec is gated."
        if value == "all"
        else f"Gated subgroups: {_shown(value)}."
    ),
    "gate.subgroups.min_patients": lambda value: (
        f"A level of a subgroup with fewer than {value} patients is not judged."
    ),
    "gate.subgroups.small": lambda value: (
        "Such a level is only listed."
        if value == "left_out"
        else "Such a level is not enough evidence, so that a person has to decide."
    ),
    "gate.subgroups.tolerance": lambda value: (
        f"A level fails that is significantly worse by more than {_share(value)}, or worse by "
        "more than it while all others do significantly better."
    ),
    "gate.subgroups.harm_level": lambda value: (
        f"All claims of either kind that a level is worse have the one-sided level {value:g}."
    ),
    "gate.calibration.slope": lambda value: (
        f"The challenger's calibration slope lies between {value[0]:g} and {value[1]:g}."
    ),
    "gate.calibration.adaptive_ece": lambda value: (
        f"The adaptive calibration error rises by no more than {value:g}."
    ),
    "gate.near_ood.auroc": lambda value: (
        f"The AUROC of detecting unknown conditions falls by no more than {value:g}."
    ),
    "gate.near_ood.fpr95": lambda value: f"Its FPR95 rises by no more than {_share(value)}.",
    "gate.far_ood.auroc": lambda value: (
        f"The AUROC of detecting pictures of another kind falls by no more than {value:g}."
    ),
    "gate.far_ood.fpr95": lambda value: f"Its FPR95 rises by no more than {_share(value)}.",
    "gate.coverage": lambda value: (
        f"The share of cases with an opinion changes by no more than {_share(value)}."
    ),
    "gate.flips_over_seed_rate": lambda value: (
        "Cases right before and wrong now are at most the share between two seeds of the "
        f"champion's recipe, plus {_share(value)}."
    ),
    "gate.frozen.new_urgent_misses": lambda value: (
        f"More than {value} new urgent misses on the frozen set need a named person's sign-off."
    ),
    "gate.performance.latency_ratio": lambda value: (
        f"A case takes at most {value:g} times the champion's time."
    ),
    "gate.performance.memory_ratio": lambda value: (
        f"Scoring takes at most {value:g} times the champion's memory."
    ),
    "improvement": lambda value: (
        "No improvement is asked for." if value == "none" else f"Improvement: {_shown(value)}."
    ),
    "improvement.any_of": lambda value: (
        "On all cases one of these must be better: "
        f"{'; '.join(_MEASURES.get(each, each) for each in value)}."
    ),
    "improvement.level": lambda value: (
        f"A challenger that is no better is called so with a probability of at most {value:g}; "
        "from the second use of the gate split on, less (the level is spent over the uses)."
    ),
    "require": lambda value: (
        f"{'; '.join(_required(each) for each in value).capitalize()}."
        if value
        else "No further check is required."
    ),
    "max_negative_flips": lambda value: (
        f"Cases right before and wrong now are at most {_share(value)}."
    ),
    "readiness.shadow_cases": lambda value: (
        f"To be shadow-tested, a bundle scores {value} live cases, hidden from readers."
    ),
    "readiness.shadow_days": lambda value: (
        f"Between the first and the last of them are {value:g} days or more."
    ),
}
