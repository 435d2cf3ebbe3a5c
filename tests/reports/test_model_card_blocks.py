"""The model card: what a manifest states, and what it does not."""

import itertools

from tests.reports.example import BUNDLE
from triage.reports.document import Facts, Heading, Paragraph, Table
from triage.reports.model_card_blocks import model_card_blocks, model_card_facts


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
