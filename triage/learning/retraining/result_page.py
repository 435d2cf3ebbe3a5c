"""One page of a retraining's result, as HTML and as lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from triage.gating.result import CheckResult
from triage.learning.retraining.result import RetrainResult
from triage.vocabulary.learning import GateVerdict

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d0d7de;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{background:#f2f4f7;padding:.1rem .3rem}
.verdict{font-size:1.2rem;font-weight:600}
"""
_WORDS = {
    GateVerdict.PASSES: "passes",
    GateVerdict.FAILS: "fails",
    GateVerdict.NOT_ENOUGH_EVIDENCE: "not enough evidence",
    None: "not done",
}


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
        ("policy", f"{result.policy_hash[:12]}, {_signed(result.policy_signed_by)}"),
        ("verdict", result.verdict),
    ]


def _left_out(labels: dict[str, Any], files: int) -> str:
    named = {
        "files not those received": files,
        "of conditions that the spec does not list": labels.get("of_other_conditions", 0),
        "of held-out images": labels.get("of_held_out_images", 0),
        "of cases or patients that the data have": labels.get("of_known_cases_or_patients", 0),
        **{key.replace("_", " "): n for key, n in labels.get("labels_left_out", {}).items()},
    }
    return ", ".join(f"{what} {n}" for what, n in named.items() if n) or "none"


def _signed(key: str | None) -> str:
    return "not signed" if key is None else f"signed by {key[:16]}"


def check_rows(checks: Sequence[CheckResult]) -> list[tuple[str, str, str]]:
    """Return the gate's table: check with group, answer, and what was found."""
    return [
        (
            check.check + (f" ({check.group})" if check.group else ""),
            _WORDS[check.verdict] + ("" if check.decides else " (does not decide)"),
            check.sentence,
        )
        for check in checks
    ]


def reported_rows(result: RetrainResult) -> list[tuple[str, str, str, str]]:
    """Return both systems on the split that reports show, a metric a row."""
    rows = []
    for key, one in result.reported.items():
        interval = ""
        if one.get("value") is not None:
            interval = f"{one['value']:+.3f}"
            if one["low"] is not None and one["high"] is not None:
                interval += f" [{one['low']:+.3f}, {one['high']:+.3f}]"
        rows.append((key, _number(one.get("champion")), _number(one["challenger"]), interval))
    return rows


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def text_lines(result: RetrainResult, *, all_checks: bool = False) -> list[str]:
    """Return the result for a terminal, at most about a page.

    Parameters
    ----------
    result : RetrainResult
    all_checks : bool
        Else checks of groups that do not fail are counted, not listed; the page lists them.
    """
    lines = [f"{name}: {value}" for name, value in facts_of(result)]
    if result.gate is not None:
        listed, of_groups = [], Counter[str]()
        for check, (name, verdict, sentence) in zip(
            result.gate.checks, check_rows(result.gate.checks), strict=True
        ):
            if check.group and check.verdict is not GateVerdict.FAILS and not all_checks:
                of_groups[verdict] += 1
            else:
                listed.append(f"  {verdict}: {name}: {sentence}")
        lines += ["gate:", *listed]
        lines += [f"  {verdict}: {n} checks of groups" for verdict, n in of_groups.items()]
        lines += [f"  note: {note}" for note in result.gate.notes]
    lines.append(f"next: {result.next_command}")
    return lines


def result_page(result: RetrainResult) -> str:
    """Return the page, which loads nothing."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Retraining: {escape(result.out)}</title><style>{_STYLE}</style></head><body>",
        "<h1>Retraining</h1>",
        f"<p class='verdict'>{escape(result.verdict)}</p>",
        _table(("", ""), facts_of(result)),
        f"<p>Next: <code>{escape(result.next_command)}</code></p>",
    ]
    if result.gate is not None:
        parts += [
            "<h2>Gate</h2>",
            f"<p>{result.gate.n_cases} cases of {result.gate.n_patients} patients.</p>",
            _table(("check", "answer", "found"), check_rows(result.gate.checks)),
            *(f"<p>{escape(note)}</p>" for note in result.gate.notes),
        ]
    parts += [
        "<h2>Test split, as reports show it</h2>",
        _table(("metric", "champion", "challenger", "difference"), reported_rows(result)),
        f"<p>Run {result.run[:16]}, {escape(result.started_at)} to "
        f"{escape(result.finished_at)}.</p></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
