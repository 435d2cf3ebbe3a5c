"""Whether a change is a substantial modification in the sense of the EU's AI Act: facts and gaps.

Regulation (EU) 2024/1689, Article 3 (23): a change after placing on the market that the provider's
initial conformity assessment did not foresee and that affects compliance or the intended purpose.
Article 43 (4) exempts changes of a learning system that were determined beforehand and assessed.
The words are ours. Facts answer what facts can; the rest is left to a person, and the record says
so. It never concludes by itself that a modification is not substantial.
"""

from __future__ import annotations

from triage.reports.change_control.record_facts import ChangeFacts
from triage.reports.document import Cell, Column, Paragraph, Section, SignatureLines, Table
from triage.vocabulary.learning import GateVerdict

LEFT_TO_A_PERSON = "left to a person"


def substantial_section(facts: ChangeFacts) -> Section:
    """Return the questions, what the facts say to each, and which are left to a person."""
    rows = tuple(
        (Cell(question), Cell(answer, weak=answer == LEFT_TO_A_PERSON), Cell(why))
        for question, answer, why in substantial_questions(facts)
    )
    table = Table(
        title="Substantial modification: questions",
        columns=(Column("Question"), Column("Answer"), Column("From")),
        rows=rows,
        key="substantial_modification",
    )
    source = Paragraph(
        "Questions after Regulation (EU) 2024/1689, Articles 3 (23) and 43 (4), in our words. "
        "The conclusion is not drawn here.",
        "note",
    )
    return Section(
        "substantial_modification",
        "EU AI Act: substantial modification",
        (table, source, SignatureLines(("Conclusion of the regulatory officer",))),
    )


def substantial_questions(facts: ChangeFacts) -> tuple[tuple[str, str, str], ...]:
    """Return question, answer and its grounds, in order."""
    return (
        _purpose(facts),
        _same("Were the conditions, risks and urgencies kept?", facts, "spec_hash", "data spec"),
        _same("Was the recipe of training kept?", facts, "settings_hash", "settings"),
        _outputs(facts),
        _foreseen(facts),
        _criteria(facts),
        (
            "Did the initial conformity assessment cover the plan with this policy?",
            LEFT_TO_A_PERSON,
            "The assessment is not known to this software.",
        ),
        (
            "Does the change affect compliance with the requirements for high-risk systems?",
            LEFT_TO_A_PERSON,
            "Beyond what the gate measures, this is for a person to judge.",
        ),
    )


def _purpose(facts: ChangeFacts) -> tuple[str, str, str]:
    question = "Is the intended purpose the same?"
    before, after = facts.champion, facts.challenger
    if before is None or after is None or None in (before.intended_use, after.intended_use):
        return question, LEFT_TO_A_PERSON, "One of the manifests does not state it."
    if before.intended_use == after.intended_use:
        return question, "yes", "Both manifests state the same intended use."
    return question, "no", "The manifests state different intended uses."


def _same(question: str, facts: ChangeFacts, name: str, what: str) -> tuple[str, str, str]:
    hashes = [
        None if each is None else getattr(each, name) for each in (facts.champion, facts.challenger)
    ]
    if None in hashes:
        return question, LEFT_TO_A_PERSON, f"There is no former hash of the {what}."
    if hashes[0] == hashes[1]:
        return question, "yes", f"The hash of the {what} is the same."
    return question, LEFT_TO_A_PERSON, f"The hash of the {what} differs: see what changed in it."


def _outputs(facts: ChangeFacts) -> tuple[str, str, str]:
    question = "Does it tell the same conditions apart?"
    before, after = facts.champion, facts.challenger
    if before is None or after is None:
        return question, LEFT_TO_A_PERSON, "There is no former system to compare with."
    if set(before.conditions) == set(after.conditions):
        return question, "yes", f"Both know the same {len(after.conditions)} conditions."
    return question, "no", "The lists of conditions in the manifests differ."


def _foreseen(facts: ChangeFacts) -> tuple[str, str, str]:
    question = "Was the change judged by a policy that was signed beforehand?"
    if facts.gate is None:
        return question, "no", "No gate has judged it."
    if facts.gate.policy_signed_by is None:
        return question, LEFT_TO_A_PERSON, "The policy of the gate is not signed."
    return question, "yes", f"Signed by the key {facts.gate.policy_signed_by}."


def _criteria(facts: ChangeFacts) -> tuple[str, str, str]:
    question = "Did it meet the criteria set beforehand?"
    if facts.gate is None:
        return question, LEFT_TO_A_PERSON, "No gate has judged it."
    if facts.gate.verdict is GateVerdict.PASSES:
        return question, "yes", "The gate passes."
    if facts.gate.verdict is GateVerdict.FAILS:
        return question, "no", "The gate fails."
    return question, LEFT_TO_A_PERSON, "The gate had not enough evidence."
