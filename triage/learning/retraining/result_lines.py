"""The result of a retraining in words: lines for a terminal, and what its page says too."""

from __future__ import annotations

from collections import Counter
from typing import Any

from triage.gating.check_titles import check_name
from triage.gating.result import CheckResult
from triage.learning.retraining.result import RetrainResult
from triage.vocabulary.learning import GateVerdict

WORDS = {
    GateVerdict.PASSES: "passes",
    GateVerdict.FAILS: "fails",
    GateVerdict.NOT_ENOUGH_EVIDENCE: "not enough evidence",
    None: "not done",
}


def answer_of(check: CheckResult) -> str:
    """Return a check's answer in words."""
    return WORDS[check.verdict] + ("" if check.decides else " (does not decide)")


def facts_of(result: RetrainResult) -> list[tuple[str, str]]:
    """Return what is said of a run above its tables: names and values."""
    labels = result.labels
    sources = ", ".join(f"{key} {n}" for key, n in labels["by_label_source"].items()) or "none"
    return [
        ("challenger", f"{result.out} ({result.bundle[:12]})"),
        ("champion", "none" if result.champion is None else result.champion[:12]),
        ("data set version", result.dataset_version[:16]),
        ("cases", ", ".join(f"{split} {n}" for split, n in result.splits.items())),
        ("reviewed cases trained on", f"{labels['trained_on']} ({sources})"),
        ("reviewed cases left out", _left_out(labels, len(result.left_out))),
        ("cases that could not be read", _rejected(result.rejected)),
        ("policy", f"{result.policy_hash[:12]}, {_signed(result.policy_signed_by)}"),
    ]


def _left_out(labels: dict[str, Any], files: int) -> str:
    named = {
        "files not those received": files,
        "of conditions that the spec does not list": labels.get("of_other_conditions", 0),
        "of held-out images": labels.get("of_held_out_images", 0),
        "cases or patients that the data have": labels.get("of_known_cases_or_patients", 0),
        **{key.replace("_", " "): n for key, n in labels.get("labels_left_out", {}).items()},
    }
    return ", ".join(f"{what} {n}" for what, n in named.items() if n) or "none"


def _rejected(rejected: dict[str, dict[str, int]]) -> str:
    found = [
        f"{part.replace('_', ' ')}: {reason.replace('_', ' ')} {n}"
        for part, reasons in rejected.items()
        for reason, n in reasons.items()
    ]
    return ", ".join(found) or "none"


def _signed(key: str | None) -> str:
    return "not signed by a trusted key" if key is None else f"signed by {key[:16]}"


def text_lines(result: RetrainResult, *, all_checks: bool = False) -> list[str]:
    """Return the result for a terminal, verdict first, at most about a page.

    Parameters
    ----------
    result : RetrainResult
    all_checks : bool
        Else checks of groups that do not fail are counted, not listed; the page lists them.
    """
    lines = [result.verdict, *(f"  {name}: {value}" for name, value in facts_of(result))]
    if result.gate is not None:
        listed, of_groups = [], Counter[str]()
        for check in result.gate.checks:
            if check.group and check.verdict is not GateVerdict.FAILS and not all_checks:
                of_groups[answer_of(check)] += 1
            else:
                listed.append(f"  {answer_of(check)}: {check_name(check)}: {check.sentence}")
        cases = f"{result.gate.n_cases} cases of {result.gate.n_patients} patients"
        lines += [f"gate, {cases}:", *listed]
        lines += [f"  {answer}: {n} checks of groups" for answer, n in of_groups.items()]
        lines += [f"  note: {note}" for note in result.gate.notes]
    lines.append("next:")
    for step in result.next_steps:
        lines += [f"  {step.sentence}", *([f"    {step.command}"] if step.command else [])]
    return lines
