"""The plan and the record in every format, and that the record states what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.pipelines.command import Command, make_command
from tests.store.make import bundle
from tests.store.migrated import migrated_url
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import UsageError
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.gating.result import CheckResult, GateResult
from triage.hashing import hash_json
from triage.reports.change_control.document_file import check_format, write_document
from triage.reports.change_control.plan import change_control_plan, plan_facts
from triage.reports.change_control.record import change_record
from triage.reports.change_control.record_facts import ChangeFacts, change_facts
from triage.reports.change_control.substantial import LEFT_TO_A_PERSON, substantial_questions
from triage.reports.document import (
    Document,
    Facts,
    Figure,
    Paragraph,
    Section,
    SignatureLines,
)
from triage.reports.render.markdown import render_markdown
from triage.store import Store, open_store, register_bundle
from triage.store.learning_tables import (
    DatasetMemberRow,
    DatasetVersionRow,
    GateRunRow,
    PromotionRow,
    TrainingRunRow,
)
from triage.vocabulary.learning import GateVerdict

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
SPEC = load_spec(shipped_spec("derm_phantoms"))


def manifest(folder: Path, **changes: object) -> str:
    """Write a manifest and return its digest."""
    content = {
        "name": folder.name, "intended_use": "Ordering", "settings_hash": "5" * 64,
        "spec_hash": "6" * 64, "roles": {"inliers": ["acne", "melanoma"]},
    } | changes  # fmt: skip
    folder.mkdir()
    digest = hash_json(content)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest, **content}))
    return digest


def result() -> GateResult:
    done = CheckResult(
        check="accuracy", group="sex: female", verdict=GateVerdict.FAILS, decides=True,
        sentence="worse by <6> points",
    )  # fmt: skip
    not_done = CheckResult(check="latency", verdict=None, decides=False, sentence="not measured")
    return GateResult(
        verdict=GateVerdict.FAILS, better=False, checks=(done, not_done), policy_hash="p" * 64,
        policy_signed_by="abcd", n_cases=400, n_patients=380, gate_set="g" * 64,
        submission="s" * 64, use=3, notes=("Use 3 of this gate split.",),
    )  # fmt: skip


def member(version: int, place: int, **changes: str) -> DatasetMemberRow:
    given = {
        "case_key": f"{place:064d}", "condition": "acne", "label_hash": "1" * 64, "split": "train",
    } | changes  # fmt: skip
    return DatasetMemberRow(
        version_id=version, position=place, patient_key="2" * 64, cluster_key="3" * 64, images=[],
        licence="CC0", consent="given", **given,
    )  # fmt: skip


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return make_command(monkeypatch, capsys)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with migrated_url("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    """A database with two training runs: one that the gate judged, and one that it did not."""
    opened = open_store(url)
    labels = {"labels": {"by_label_source": {"blind": 4, "histology": 2}}}
    folders = (tmp_path / "old", tmp_path / "new")
    digests = (
        manifest(folders[0]),
        manifest(folders[1], promotion=labels, roles={"inliers": ["melanoma", "acne"]}),
    )
    with opened.transaction() as session:
        old, new = (
            register_bundle(session, bundle(digest, name=folder.name, path=str(folder)))
            for digest, folder in zip(digests, folders, strict=True)
        )
        for number in (1, 2):
            session.add(
                DatasetVersionRow(
                    id=number, root=str(number) * 64, spec_name="derm", spec_hash="6" * 64,
                    parent_id=None if number == 1 else 1, reason="new reviews", made_by="Eng",
                    made_at=AT,
                )
            )  # fmt: skip
            session.flush()
        session.add_all(member(1, place) for place in range(4))
        session.add(member(2, 0))
        session.add(member(2, 1, label_hash="9" * 64, condition="melanoma"))
        session.add(member(2, 2, split="gate"))
        session.add(member(2, 7))
        session.add(
            GateRunRow(
                gate_set="g" * 64, policy_hash="p" * 64, submission="s" * 64, verdict="fails",
                result=result().model_dump(mode="json"), hold_out_state={}, run_by="Eng", run_at=AT,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            TrainingRunRow(
                key="k" * 64, state="finished", dataset_version_id=2, champion_id=old,
                challenger_id=new, gate_run_id=1, policy_hash="p" * 64, settings_hash="5" * 64,
                steps={}, started_by="Eng", started_at=AT, finished_at=AT,
            )
        )  # fmt: skip
        session.add(
            TrainingRunRow(
                key="l" * 64, state="started", dataset_version_id=1, policy_hash="p" * 64,
                settings_hash="5" * 64, steps={}, started_by="Eng", started_at=AT,
            )
        )  # fmt: skip
        for answer in ({"approved_by": "Gus", "approved_at": AT}, {"rejected_by": "Gus"}, {}):
            session.add(
                PromotionRow(
                    kind="promote", bundle_id=new, former_id=old, gate_run_id=1,
                    reason="needed | now", signed_off="approved_by" in answer, proposed_by="Eng",
                    proposed_at=AT, **answer,
                )
            )  # fmt: skip
    return opened


def facts_of(store: Store, run: int) -> ChangeFacts:
    with store.reading() as session:
        return change_facts(session, run)


def test_the_record_states_what_changed(store: Store) -> None:
    facts = facts_of(store, 1)
    data = facts.data
    assert (data.added, data.removed, data.relabelled, data.moved) == (1, 1, 1, 1)
    assert data.conditions_added == ("melanoma",)
    assert data.by_split == {"gate": 1, "train": 3}
    assert facts.labels == {"blind": 4, "histology": 2}
    assert facts.gate == result()
    text = render_markdown(change_record(facts))
    for said in (
        "the same as before", "Use 3 of this gate split.", "worse by \\<6\\> points",
        "approved by Gus", "rejected by Gus", "waiting", "needed \\| now", "signed by the key abcd",
        "not done",
    ):  # fmt: skip
        assert said in text
    assert render_markdown(change_record(facts)) == text


def test_a_run_without_gate_or_bundle_says_what_is_not_there(store: Store) -> None:
    facts = facts_of(store, 2)
    assert (facts.gate, facts.challenger, facts.labels, facts.promotions) == (None, None, {}, ())
    text = render_markdown(change_record(facts))
    for said in ("no gate result is recorded", "nobody has proposed", "No reviewed label"):
        assert said in text


def test_questions_of_the_ai_act_are_answered_from_facts_or_left_to_a_person(store: Store) -> None:
    said = {question: answer for question, answer, _ in substantial_questions(facts_of(store, 1))}
    assert list(said.values()) == [
        "yes", "yes", "yes", "yes", "yes", "no", LEFT_TO_A_PERSON, LEFT_TO_A_PERSON,
    ]  # fmt: skip
    unknown = [answer for _, answer, _ in substantial_questions(facts_of(store, 2))]
    assert set(unknown) == {LEFT_TO_A_PERSON, "no"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verdict": GateVerdict.PASSES}, "yes"),
        ({"verdict": GateVerdict.NOT_ENOUGH_EVIDENCE}, LEFT_TO_A_PERSON),
    ],
)
def test_whether_the_criteria_were_met_follows_the_verdict(
    store: Store, changes: dict[str, object], expected: str
) -> None:
    gate = result().model_copy(update=changes | {"policy_signed_by": None})
    facts = facts_of(store, 1).model_copy(update={"gate": gate})
    answers = {question: answer for question, answer, _ in substantial_questions(facts)}
    assert answers["Did it meet the criteria set beforehand?"] == expected
    signed = answers["Was the change judged by a policy that was signed beforehand?"]
    assert signed == LEFT_TO_A_PERSON


def test_other_conditions_and_another_use_are_answered_no(store: Store) -> None:
    facts = facts_of(store, 1)
    assert facts.challenger is not None
    other = facts.challenger.model_copy(
        update={"conditions": ("acne",), "intended_use": "Screening", "settings_hash": "7" * 64}
    )
    said = substantial_questions(facts.model_copy(update={"challenger": other}))
    answers = [answer for _, answer, _ in said]
    assert answers[:4] == ["no", "yes", LEFT_TO_A_PERSON, "no"]


def test_an_unknown_run_is_an_error(store: Store) -> None:
    with pytest.raises(UsageError, match="no such training run"):
        facts_of(store, 99)


@pytest.mark.parametrize("suffix", ["html", "pdf", "md", "json"])
def test_the_plan_is_written_in_every_format(tmp_path: Path, suffix: str) -> None:
    loaded = LoadedPolicy(GatePolicy(), GatePolicy().content_hash())
    document = change_control_plan(loaded, SPEC)
    path = tmp_path / f"plan.{suffix}"
    write_document(document, path, plan_facts(loaded, SPEC))
    content = path.read_bytes()
    if suffix == "pdf":
        assert content.startswith(b"%PDF")
        return
    text = content.decode()
    assert "Impact assessment" in text
    assert loaded.hash in text
    if suffix == "html":
        assert "Change control plan" in text
        assert "Audit report" not in text
    if suffix == "json":
        assert json.loads(text)["facts"]["policy"]["labels"]["min_labels"] == 1


def test_other_formats_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format"):
        check_format(tmp_path / "plan.docx")
    (tmp_path / "file").write_text("")
    document = Document("t", "1", "d", "l")
    with pytest.raises(UsageError, match="cannot be written"):
        write_document(document, tmp_path / "file" / "plan.md", {})


def test_markdown_of_every_kind_of_block() -> None:
    blocks = (
        Facts((("A", None),)),
        Figure("<svg/>", "A chart"),  # type: ignore[arg-type]
        Paragraph("One *two*"),
        SignatureLines(("Quality",)),
    )
    text = render_markdown(
        Document("t", "1", "d", "l", (Section("a", "A", blocks), Section("b", "B", (), "gone")))
    )
    for said in (
        "**A:** not stated",
        "A chart",
        "One \\*two\\*",
        "Quality, name",
        "Not available: gone",
    ):
        assert said in text


def test_the_verbs(
    triage: Command, store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text("labels: {min_labels: 3}\n")
    policy = ("--policy", "policy.yaml")
    shown = triage("retrain-policy", "show", *policy)
    assert shown.code == 0
    assert "Fewer than 3 new labels" in shown.out
    assert "signature: none" in shown.out
    assert triage("ledger", "keygen", "--out", "key").code == 0
    signed = triage("retrain-policy", "sign", *policy, "--key", "key")
    assert signed.code == 0
    assert "not checked" in triage("retrain-policy", "show", *policy).out
    monkeypatch.setenv("TRIAGE_POLICY_KEYS", "key.pub")
    assert "by the trusted key" in triage("retrain-policy", "show", *policy).out
    spec = str(shipped_spec("derm_phantoms"))
    made = triage("retrain-policy", "plan", *policy, "--spec", spec, "--out", "plan.md", "--json")
    assert made.code == 0
    assert json.loads(made.out)["policy_signed_by"]
    record = ("retrain-policy", "record", "--db", url, "--out", "change.md")
    assert triage(*record, "--run", "1").code == 0
    assert triage(*record, "--run", "77").code == 2
    (tmp_path / "policy.yaml").write_text("labels: {min_labels: 4}\n")
    refused = triage("retrain-policy", "show", *policy)
    assert refused.code == 2
    assert "another policy" in refused.err
