import json
from pathlib import Path

import pytest
import yaml

from tests.data.make import make_content, make_spec
from triage.data.spec_files import SCHEMA_NAME, load_spec, schema_text, shipped_spec
from triage.errors import SpecError

FOLDER = shipped_spec("derm_phantoms").parent
SHIPPED = ("derm_phantoms", "derm_fitzpatrick17k", "derm_ham10000")


def test_the_schema_file_is_current() -> None:
    assert (FOLDER / SCHEMA_NAME).read_text(encoding="utf-8") == schema_text(), (
        "write triage.data.spec_files.schema_text() to the file"
    )


def test_the_schema_forbids_unknown_keys_everywhere() -> None:
    schema = json.loads(schema_text())
    models = [schema, *(part for part in schema["$defs"].values() if part["type"] == "object")]
    assert len(models) > 8
    assert all(model["additionalProperties"] is False for model in models)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_specs_load_and_are_named_as_their_files(name: str) -> None:
    spec = load_spec(shipped_spec(name))
    assert spec.name == name
    assert all(condition.source for condition in spec.conditions)
    assert spec.licence


def test_no_other_spec_is_shipped_untested() -> None:
    assert sorted(path.stem for path in FOLDER.glob("derm_*.yaml")) == sorted(SHIPPED)


def test_the_roles_that_were_asked_for() -> None:
    fitzpatrick = load_spec(shipped_spec("derm_fitzpatrick17k"))
    inliers = {c.name for c in fitzpatrick.conditions if c.role == "inlier"}
    assert inliers == {
        "squamous cell carcinoma",
        "basal cell carcinoma",
        "acne",
        "melanoma",
        "folliculitis",
    }
    assert len(fitzpatrick.conditions) == 14
    ham = load_spec(shipped_spec("derm_ham10000"))
    assert {c.name for c in ham.conditions if c.role == "inlier"} == {"nv", "bkl", "mel", "bcc"}
    assert ham.roles.validation_outliers == "held_out_cases"


def load_text(folder: Path, content: str | bytes) -> SpecError:
    path = folder / "spec.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value).startswith(str(path))
    return caught.value


def test_a_spec_from_text(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("\ufeff" + yaml.safe_dump(make_content()), encoding="utf-8")
    assert load_spec(path) == make_spec()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such data spec"):
        load_spec(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="is a folder, a pipe"):
        load_spec(tmp_path)


def test_a_binary_file(tmp_path: Path) -> None:
    assert "UTF-8" in str(load_text(tmp_path, b"\x89PNG\r\n\x1a\n\xff\xfe"))


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "a:\n\t- b", "a: !!python/name:os.system"])
def test_bad_yaml_names_the_line(tmp_path: Path, text: str) -> None:
    assert "not YAML (line " in str(load_text(tmp_path, "name: x\n" + text))


@pytest.mark.parametrize("text", ["a: 2024-13-45", "a: !!bool 7", "[" * 5000, "a: \x01"])
def test_yaml_that_its_loader_stumbles_over(tmp_path: Path, text: str) -> None:
    assert "YAML" in str(load_text(tmp_path, text))


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "7", "null"])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    assert "is not a mapping" in str(load_text(tmp_path, text))


def test_a_key_given_twice_is_not_silently_dropped(tmp_path: Path) -> None:
    text = yaml.safe_dump(make_content()) + "\ntitle: another\n"
    assert "'title' is given twice" in str(load_text(tmp_path, text))


def test_aliases_are_read_but_not_written_out_without_end(tmp_path: Path) -> None:
    content = yaml.safe_dump(make_content())
    (tmp_path / "spec.yaml").write_text(content.replace("title: A clinic", "title: &a A clinic"))
    assert load_spec(tmp_path / "spec.yaml") == make_spec()
    levels = "".join(f"k{n + 1}: &k{n + 1} [{', '.join([f'*k{n}'] * 9)}]\n" for n in range(12))
    assert "100000 values" in str(load_text(tmp_path, f"k0: &k0 [x]\n{levels}"))
    merged = "".join(
        f"k{n + 1}: &k{n + 1} {{<<: [{', '.join([f'*k{n}'] * 9)}]}}\n" for n in range(12)
    )
    assert "100000 values" in str(load_text(tmp_path, f"k0: &k0 {{x: y}}\n{merged}"))
    assert "100000 values" in str(load_text(tmp_path, "a: &a [*a]"))


def test_many_keys_take_no_longer_than_their_number(tmp_path: Path) -> None:
    text = "".join(f"k{number}: v\n" for number in range(20_000))
    assert len(load_text(tmp_path, text).problems) > 20_000


def test_a_spec_that_is_too_large(tmp_path: Path) -> None:
    error = load_text(tmp_path, "#" * (256 * 1024 + 1))
    assert "larger than 256 KiB, the most that is read of a data spec" in str(error)


def test_every_broken_rule_is_listed_with_its_place(tmp_path: Path) -> None:
    content = make_content(outlier_prevalence=3, tilte="x", split={"train": 0.9})
    error = load_text(tmp_path, yaml.safe_dump(content))
    assert len(error.problems) == 3
    assert "tilte: there is no such key. Did you mean title?" in error.problems
    content = make_content(max_image_per_case=3)
    content["rows"]["pateint"] = "p"
    content["conditions"][0]["colour"] = "red"
    assert set(load_text(tmp_path, yaml.safe_dump(content)).problems) == {
        "max_image_per_case: there is no such key. Did you mean max_images_per_case?",
        "rows.pateint: there is no such key. Did you mean patient?",
        "conditions.0.colour: there is no such key",
    }
    assert any(problem.startswith("outlier_prevalence: ") for problem in error.problems)
    assert "split: train + validation + test is 1.3, not 1" in error.problems
    for problem in error.problems:
        assert f"\n  - {problem}" in str(error)


def test_problems_of_the_whole_spec_have_a_place_too(tmp_path: Path) -> None:
    content = make_content(roles={"seed": 1})
    (problem,) = load_text(tmp_path, yaml.safe_dump(content)).problems
    assert problem.startswith("all: 5 conditions have role auto")
