"""The model card: what a manifest states, and what it does not."""

import itertools

from triage.reports.document import Facts, Heading, Paragraph, Table
from triage.reports.model_card_blocks import model_card_blocks, model_card_facts
from triage.reports.system import written

BUNDLE = {
    "digest": "0" * 64,
    "format": "triage-bundle-2",
    "name": "derm_phantoms, HOD ensemble",
    "created_at": "2026-01-05T10:00:00Z",
    "code_version": "0.1.0",
    "spec_name": "derm_phantoms",
    "spec_hash": "5" * 64,
    "data_hash": "d" * 64,
    "roles": {
        "seed": 0,
        "inliers": ["acne", "melanoma"],
        "train": ["lentigo"],
        "validation": [],
        "test": ["sarcoid", "vitiligo"],
    },
    "head": "hod",
    "score": "outlier_mass",
    "members": [{"name": "seed 0", "weights": "a"}, {"name": "seed 1", "weights": "b"}],
    "thresholds": {"temperature": 1.31, "threshold": 0.42},
    "files": {"members/0.safetensors": "a" * 64, "members/1.safetensors": "b" * 64},
    "intended_use": "Research on generated photographs. Not for clinical use.",
}


def test_facts_read_the_manifest_and_say_what_is_not_stated():
    facts = {label: value for _, label, value in model_card_facts(BUNDLE)}
    assert facts["Members"] == "seed 0, seed 1"
    assert facts["Conditions it knows"] == "acne, melanoma"
    assert facts["Outliers that set its threshold"] == "none"
    assert facts["Thresholds"] == "temperature = 1.31; threshold = 0.42"
    assert facts["Settings hash"] is None
    assert facts["External validation"] is None
    assert facts["Guard against pictures of another kind (A1)"] == "none"


def test_groups_are_without_gaps_and_the_same_for_every_manifest():
    groups = [group for group, *_ in model_card_facts(BUNDLE)]
    assert sum(a != b for a, b in itertools.pairwise(groups)) == len({*groups}) - 1
    labels = [(group, label) for group, label, _ in model_card_facts(BUNDLE)]
    assert [(group, label) for group, label, _ in model_card_facts({})] == labels


def test_blocks_hold_every_fact_and_every_file():
    blocks = model_card_blocks(BUNDLE)
    shown = [pair for block in blocks if isinstance(block, Facts) for pair in block.facts]
    assert shown == [(label, value) for _, label, value in model_card_facts(BUNDLE)]
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert {row[0].text: row[1].text for row in table.rows} == BUNDLE["files"]
    assert isinstance(blocks[0], Heading)
    assert model_card_blocks({})[-1] == Paragraph("The manifest lists no files.", "missing")


def test_json_values_are_written_for_people():
    assert written({"a": [1, 2.50001], "b": True}) == "a = 1, 2.50001; b = yes"
    assert written({"a": {"x": 1, "y": 2}, "b": 3}) == "a (x = 1; y = 2); b = 3"
