"""The record of one change: what changed, what the gate said, who decided, what is left to ask."""

from __future__ import annotations

from triage.gating.result import GateResult
from triage.hashing import hash_json
from triage.reports.change_control.plan import signature_words
from triage.reports.change_control.record_facts import ChangeFacts, PromotionFacts
from triage.reports.change_control.substantial import substantial_section
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Document,
    Facts,
    Heading,
    Items,
    Paragraph,
    Section,
    SignatureLines,
    Table,
)
from triage.vocabulary.learning import GateVerdict
from triage.vocabulary.verdicts import Verdict

_SIGNS = {
    GateVerdict.PASSES: Verdict.MEETS,
    GateVerdict.FAILS: Verdict.FAILS,
    GateVerdict.NOT_ENOUGH_EVIDENCE: Verdict.NOT_ENOUGH,
}


def change_record(facts: ChangeFacts) -> Document:
    """Return the record of a training run; nothing in it is from elsewhere than the facts.

    Parameters
    ----------
    facts : ChangeFacts
    """
    name = "a bundle" if facts.challenger is None else facts.challenger.name
    verdict = "no gate has judged it"
    if facts.gate is not None:
        verdict = f"the gate: {_SIGNS[facts.gate.verdict].value}"
    return Document(
        title=f"Record of change {facts.run}: {name}",
        report_id=hash_json(facts.model_dump(mode="json"))[:16],
        date=facts.started_at[:10],
        lead=f"Training run {facts.run}, {facts.state}; {verdict}.",
        sections=(
            _what(facts),
            _data(facts),
            _gate(facts),
            _decisions(facts.promotions),
            substantial_section(facts),
        ),
        kind="Change record",
    )


def _what(facts: ChangeFacts) -> Section:
    before, after = facts.champion, facts.challenger
    settings = None
    if before is not None and after is not None:
        same = before.settings_hash == after.settings_hash
        settings = "the same as before" if same else "other settings than before"
    rows = Facts(
        (
            ("Former system", None if before is None else f"{before.name}, {before.digest}"),
            ("New system", None if after is None else f"{after.name}, {after.digest}"),
            ("Settings", settings),
            ("SHA-256 of the settings", facts.settings_hash),
            ("Key of the run", facts.key),
            ("Started by", facts.started_by),
            ("Started at", facts.started_at),
            ("Finished at", facts.finished_at),
        )
    )
    return Section("cover", "What changed", (rows,))


def _data(facts: ChangeFacts) -> Section:
    data = facts.data
    shown = Facts(
        (
            ("Data set version", data.root),
            ("Version before", data.parent or "none: the first of its data spec"),
            ("Reason", data.reason),
            ("Made by", data.made_by),
        )
    )
    against = "members" if data.parent is None else "against the version before"
    counts = (
        ("added", data.added),
        ("removed", data.removed),
        ("with another label", data.relabelled),
        ("in another split", data.moved),
    )
    blocks: list[Block] = [
        shown,
        _counted(f"Cases, {against}", "Cases", counts, "changes"),
        _counted("Cases by split", "Split", tuple(data.by_split.items()), "splits"),
    ]
    if facts.labels:
        labels = tuple(facts.labels.items())
        blocks.append(_counted("Reviewed labels that trained", "Source", labels, "labels"))
    else:
        blocks.append(Paragraph("No reviewed label is recorded as trained on.", "missing"))
    return Section("data", "Data and labels", tuple(blocks))


def _counted(title: str, what: str, counts: tuple[tuple[str, int], ...], key: str) -> Table:
    rows = tuple((Cell(name.replace("_", " ")), Cell(str(n), value=n)) for name, n in counts)
    return Table(title, (Column(what), Column("Number", "number")), rows, key=key)


def _gate(facts: ChangeFacts) -> Section:
    result = facts.gate
    if result is None:
        return Section("gate", "The gate", unavailable="no gate result is recorded for this run")
    shown = Facts(
        (
            ("Gate run", str(facts.gate_run)),
            ("Verdict", _SIGNS[result.verdict].value),
            ("Called better", "yes" if result.better else "no"),
            ("Use of the gate split", None if result.use is None else str(result.use)),
            ("Cases", f"{result.n_cases} of {result.n_patients} patients"),
            ("SHA-256 of the policy", result.policy_hash),
            ("Signature of the policy", signature_words(result.policy_signed_by)),
            ("SHA-256 of the gate split", result.gate_set),
        )
    )
    notes = (Items(result.notes),) if result.notes else ()
    return Section("gate", "The gate", (shown, *notes, _checks(result)))


def _checks(result: GateResult) -> Table:
    rows = tuple(
        (
            Cell(each.check.replace("_", " "), detail=each.group),
            Cell("", verdict=_SIGNS[each.verdict]) if each.verdict else Cell("not done", weak=True),
            Cell("yes" if each.decides else "no"),
            Cell(each.sentence),
        )
        for each in result.checks
    )
    columns = (Column("Check"), Column("Verdict"), Column("Decides"), Column("Found"))
    return Table(f"{len(rows)} checks", columns, rows, key="checks")


def _decisions(promotions: tuple[PromotionFacts, ...]) -> Section:
    if not promotions:
        reason = "nobody has proposed the new system yet"
        return Section("decisions", "Who decided", unavailable=reason)
    blocks: list[Block] = []
    for number, each in enumerate(promotions, start=1):
        blocks.append(Heading(f"Proposal {number}"))
        blocks.append(_decision(each))
    return Section("decisions", "Who decided", (*blocks, SignatureLines(("Quality",))))


def _decision(each: PromotionFacts) -> Facts:
    answer = "waiting"
    if each.approved_by is not None:
        answer = f"approved by {each.approved_by} at {each.approved_at}"
    elif each.rejected_by is not None:
        answer = f"rejected by {each.rejected_by}"
    return Facts(
        (
            ("Kind", each.kind),
            ("Proposed by", f"{each.proposed_by} at {each.proposed_at}"),
            ("Reason", each.reason),
            ("Answer", answer),
            ("Its reason", each.answer),
            ("Stands in for evidence (sign-off)", "yes" if each.signed_off else "no"),
        )
    )
