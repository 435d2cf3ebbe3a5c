from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tests.public_sets.make import make_segmentation_spec
from triage.errors import SpecError
from triage.public_sets.segmentation_spec import load_segmentation_spec, shipped_segmentation_spec
from triage.vocabulary.tissues import Tissue

SHIPPED = sorted(path.stem for path in shipped_segmentation_spec("x").parent.glob("*.yaml"))


def test_the_sets_that_were_asked_for_are_shipped() -> None:
    assert {"rm_layers", "duke_fluid", "oct_phantoms", "retouch"} <= {*SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_specs_load_and_are_named_as_their_files(name: str) -> None:
    spec = load_segmentation_spec(shipped_segmentation_spec(name))
    assert spec.name == name
    assert spec.context == (spec.layout != "manifest")


def test_phantoms_have_every_tissue_at_its_value() -> None:
    spec = load_segmentation_spec(shipped_segmentation_spec("oct_phantoms"))
    assert spec.classes == tuple(tissue.title for tissue in Tissue)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "retouch", "rows": {}}, "no other layout takes them"),
        ({"rows": None}, "needs `rows`"),
        ({"layout": "duke_dme", "ignore": 255}, "needs a `target`"),
        ({"target": "fluid"}, "no other layout takes one"),
        ({"layout": "duke_dme", "target": "fluid"}, "needs an ignore value"),
        ({"classes": ["a", "a"]}, "named twice"),
        ({"classes": ["a"]}, "at least 2"),
        ({"ignore": 2}, "is that of a class"),
        ({"ignore": 256}, "less than or equal to 255"),
        ({"values": {255: 3}}, "lead to [3]"),
        ({"rows": {"surfaces": ["ILM", "BM"]}}, "ignore value for gaps"),
        ({"rows": {"surfaces": ["ILM"]}, "ignore": 255}, "N + 1 classes"),
        ({"rows": {"masks": "mask"}}, "Extra inputs"),
        ({"clases": ["a", "b"]}, "Extra inputs"),
        ({"name": "My set"}, "match pattern"),
    ],
)
def test_rules(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make_segmentation_spec(**changes)
    assert message in str(caught.value)


def test_every_problem_of_a_file_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    content = make_segmentation_spec().model_dump(mode="json") | {"name": "A", "context": 7}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SpecError) as caught:
        load_segmentation_spec(path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["name", "context"]
    path.write_text("[]")
    with pytest.raises(SpecError, match="not a mapping"):
        load_segmentation_spec(path)
    path.write_text("a: [")
    with pytest.raises(SpecError, match="not YAML"):
        load_segmentation_spec(path)
    with pytest.raises(SpecError, match="no such"):
        load_segmentation_spec(tmp_path / "none.yaml")
