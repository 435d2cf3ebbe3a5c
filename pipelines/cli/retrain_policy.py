"""Verbs on the policy of retraining: its rules, its signature, and the change control documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Db, Json, Spec, say, store_at

Policy = Annotated[Path, typer.Option("--policy", help="Policy of retraining (YAML).")]
Out = Annotated[
    Path, typer.Option("--out", help="File to write; .html, .pdf, .md or .json says which format.")
]


def retrain_policy_show(policy: Policy, as_json: Json = False) -> None:
    """Show a policy with every default, its hash, who signed it, and what each rule means.

    Example: triage retrain-policy show --policy data_specs/retrain_policy.yaml
    """
    from triage.gating.policy import load_gate_policy
    from triage.gating.policy_sentences import policy_rules

    loaded = load_gate_policy(policy)
    rules = policy_rules(loaded.policy)
    signed = _signature_state(policy, loaded.signed_by)
    value = {
        "policy": loaded.policy.model_dump(mode="json"),
        "hash": loaded.hash,
        "signed_by": loaded.signed_by,
        "signature": signed,
        "rules": [vars(rule) for rule in rules],
    }
    lines = [
        line for rule in rules for line in (f"  {rule.key}: {rule.value}", f"      {rule.sentence}")
    ]
    say(as_json, value, f"{policy}: {loaded.hash}", f"  signature: {signed}", *lines)


def _signature_state(policy: Path, signed_by: str | None) -> str:
    from triage.gating.policy_signature import (
        KEYS_VARIABLE,
        signature_file,
        trusted_policy_keys,
    )

    if signed_by is not None:
        return f"by the trusted key {signed_by}"
    if not signature_file(policy).exists():
        return "none"
    assert trusted_policy_keys() is None, "a signature that is not of a trusted key is refused"
    return f"not checked: {KEYS_VARIABLE} names no list of trusted keys"


def retrain_policy_sign(
    policy: Policy,
    key: Annotated[Path, typer.Option("--key", help="Private key, from triage ledger keygen.")],
    as_json: Json = False,
) -> None:
    """Sign what a policy says; the signature is POLICY.sig beside it.

    Example: triage retrain-policy sign --policy data_specs/retrain_policy.yaml --key quality.key
    """
    from triage.data.strict_yaml import load_model
    from triage.gating.policy import KIND, GatePolicy
    from triage.gating.policy_signature import sign_policy, signature_file
    from triage.ledger.keys import load_key

    # Read without its former signature, which may be that of an earlier content.
    content = load_model(policy, GatePolicy, KIND)
    signing = load_key(key)
    signature = sign_policy(policy, content.content_hash(), signing)
    place = signature_file(policy)
    value = {"signature": str(place), **signature.model_dump(mode="json")}
    say(as_json, value, f"{place}: {signature.policy_hash} signed by the key {signature.key_id}")


def retrain_policy_plan(policy: Policy, spec: Spec, out: Out, as_json: Json = False) -> None:
    """Write the predetermined change control plan that follows from a policy and a data spec.

    Example: triage retrain-policy plan --policy data_specs/retrain_policy.yaml
    --spec data_specs/derm_phantoms.yaml --out plan.pdf
    """
    from triage.data.spec_files import load_spec
    from triage.gating.policy import load_gate_policy
    from triage.gating.policy_signature import KEYS_VARIABLE, signature_file
    from triage.reports.change_control.document_file import check_format, write_document
    from triage.reports.change_control.plan import (
        change_control_plan,
        plan_facts,
        signature_words,
    )

    check_format(out)
    loaded, data = load_gate_policy(policy), load_spec(spec)
    document = change_control_plan(loaded, data)
    facts = plan_facts(loaded, data)
    write_document(document, out, facts)
    value = {
        "out": str(out),
        "plan": document.report_id,
        "policy_hash": loaded.hash,
        "policy_signed_by": loaded.signed_by,
        "spec_hash": facts["spec_hash"],
    }
    signed = signature_words(loaded.signed_by)
    if loaded.signed_by is None and signature_file(policy).exists():
        signed = f"its signature is not checked: {KEYS_VARIABLE} names no list of trusted keys"
    say(as_json, value, f"{out}: plan {document.report_id} of the policy {loaded.hash} ({signed})")


def retrain_policy_record(
    run: Annotated[int, typer.Option("--run", min=1, help="Number of the training run.")],
    out: Out,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write the record of one change: data, settings, labels, gate, decisions, open questions.

    Example: triage retrain-policy record --db sqlite:///triage.db --run 1 --out change.html
    """
    from triage.reports.change_control.document_file import check_format, write_document
    from triage.reports.change_control.record import change_record
    from triage.reports.change_control.record_facts import change_facts

    check_format(out)
    with store_at(db) as store, store.reading() as session:
        facts = change_facts(session, run)
    document = change_record(facts)
    write_document(document, out, facts.model_dump(mode="json"))
    verdict = None if facts.gate is None else facts.gate.verdict.value
    value = {"out": str(out), "record": document.report_id, "run": run, "verdict": verdict}
    say(as_json, value, f"{out}: record {document.report_id} of the training run {run}")
