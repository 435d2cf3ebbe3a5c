"""Checks in words, as they are named to people."""

from __future__ import annotations

from triage.gating.result import CheckResult

_CAPITALS = {"ood": "OOD", "auroc": "AUROC", "fpr95": "FPR95", "ece": "ECE"}


def check_title(key: str) -> str:
    """Return the key of a check as a title, such as `Near OOD AUROC`."""
    words = [_CAPITALS.get(word, word) for word in key.split("_")]
    return words[0][:1].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:])


def check_name(check: CheckResult) -> str:
    """Return a check's title with its group."""
    return check_title(check.check) + (f" ({check.group})" if check.group else "")
