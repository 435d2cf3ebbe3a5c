"""The documentation matches the source: nothing undocumented, nothing invented, no dead link."""

import dataclasses
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from typer.main import get_command

from pipelines.cli import app
from tests.pages import DOCS, FENCE, PAGES, ROOT, blocks, first_cells, rows, section, text_of
from triage import oct_reading
from triage.data.spec_files import load_spec, spec_schema
from triage.decisions.policy import Policy
from triage.errors import ExitCode, RejectReason
from triage.evaluation import METRICS
from triage.heads.head_names import HeadKind
from triage.imaging import DEFAULT_LIMITS
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS
from triage.oct_reading import OctReading, ReadingFacts
from triage.predictions import _ARRAYS, CASE_COLUMNS, DECISION_COLUMNS, FORMAT
from triage.review import OverrideReason
from triage.store import EventType
from triage.systems import bundle, manifest
from triage.systems.oct import files as parts
from triage.vocabulary.abstention_reasons import AbstainReason

SOURCES = [path for part in ("triage", "pipelines", "ui") for path in (ROOT / part).rglob("*.py")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


# Links, paths and signs


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@each_page
def test_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_the_index_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+\.md)\)", text_of("index")))
    assert linked == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


@each_page
def test_no_page_names_a_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.$}])/(?:work|tmp|root|home|Users)\b\S*", text)


def test_every_file_the_architecture_names_exists() -> None:
    named = re.findall(
        r"`((?:triage|pipelines|ui|tests|data_specs)/[\w/.]*)`", text_of("architecture")
    )
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


# Commands


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, found in getattr(command, "commands", {}).items():
        if hasattr(found, "commands"):
            yield from verbs(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


VERBS = dict(verbs(get_command(app)))


def sections() -> dict[str, str]:
    """Text of each verb's section."""
    parts = re.split(r"^## triage (.+)$", text_of("commands"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_verb_has_its_section_and_no_other_does() -> None:
    assert sections().keys() == VERBS.keys()


def shown_default(option: Any) -> str:
    if option.required:
        return "required"
    return "" if option.default is None or option.default is False else str(option.default)


def choices(verb: str, option: str) -> tuple[str, ...]:
    """Words that an option may be, where they are fixed."""
    hint = get_type_hints(inspect.unwrap(VERBS[verb].callback))[option]
    fixed = (part for part in (hint, *get_args(hint)) if get_origin(part) is Literal)
    return tuple(word for part in fixed for word in get_args(part))


@pytest.mark.parametrize("verb", VERBS)
def test_options_and_their_defaults(verb: str) -> None:
    options = [p for p in VERBS[verb].params if p.param_type_name == "option"]
    in_source = {max(option.opts, key=len): shown_default(option) for option in options}
    table = [row for row in rows(sections()[verb]) if row[0].startswith("--")]
    assert {row[0]: row[1] for row in table} == in_source
    for option in options:
        described = next(row[2] for row in table if row[0] in option.opts)
        for choice in choices(verb, option.name):
            assert choice in described, option.name


def shown_commands() -> list[tuple[str, str]]:
    """Every `triage ...` line of a shell block, with its page."""
    found = []
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.split("#")[0].strip()
                if words.startswith("triage "):
                    found.append((page.stem, words))
    return found


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_shown_commands_parse(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    size = next(size for size in (2, 1) if " ".join(words[:size]) in VERBS)
    verb = VERBS[" ".join(words[:size])]
    verb.make_context(verb.name or "", words[size:])


def test_exit_codes_and_environment() -> None:
    known = first_cells(text_of("commands").split("\n## ")[0])
    assert {word for word in known if word.isdecimal()} == {str(int(code)) for code in ExitCode}
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    variables = set(re.findall(r"\bTRIAGE_[A-Z_]+\b", source))
    assert len(variables) >= 4
    assert {name for name in known if name.startswith("TRIAGE_")} == variables


def test_every_kind_that_can_be_listed() -> None:
    kinds = choices("list", "kind")
    assert len(kinds) == 11
    assert [kind for kind in kinds if f"`{kind}`" not in sections()["list"]] == []


def test_reject_reasons_and_metrics() -> None:
    assert [reason for reason in RejectReason if f"`{reason}`" not in text_of("commands")] == []
    table = {row[0]: row[1:] for row in rows(sections()["evaluate"]) if row[0] in METRICS}
    assert table == {key: [metric.unit, metric.definition] for key, metric in METRICS.items()}


# Data specs

SCHEMA = spec_schema()


def model_of(prop: dict[str, Any]) -> dict[str, Any]:
    """What a property refers to, through optional values and lists; itself if nothing."""
    options = [prop, *prop.get("anyOf", ())]
    for option in [*options, *(option.get("items", {}) for option in options)]:
        if "$ref" in option:
            found: dict[str, Any] = SCHEMA["$defs"][option["$ref"].rsplit("/", 1)[-1]]
            return found
    return prop


def spec_keys(model: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Every key with its default as shown and its allowed values."""
    for name, prop in model["properties"].items():
        inner = model_of(prop)
        default = prop.get("default")
        if name in model.get("required", ()):
            shown = "required"
        elif "properties" in inner and isinstance(default, dict):
            shown = "section"
        else:
            shown = "none" if default in (None, [], {}, "") else json.dumps(default)
        values = [inner["const"]] if "const" in inner else inner.get("enum", [])
        yield prefix + name, shown, values
        if "properties" in inner:
            brackets = "[]" if prop.get("type") == "array" else ""
            yield from spec_keys(inner, f"{prefix}{name}{brackets}.")


def test_every_key_of_a_data_spec_with_its_default() -> None:
    keys = list(spec_keys(SCHEMA))
    table = {row[0]: row[1:] for row in rows(text_of("data_specs").split("## Every key")[1])}
    assert {key: table.get(key, ["missing"])[0] for key, _, _ in keys} == {
        key: default for key, default, _ in keys
    }
    assert table.keys() - {key for key, _, _ in keys} == {"key"}
    for key, _, values in keys:
        assert [value for value in values if value not in table[key][1]] == [], key


def test_the_shown_spec_is_valid(tmp_path: Path) -> None:
    (shown,) = blocks(text_of("quickstart"), "yaml")
    path = tmp_path / "clinic.yaml"
    path.write_text(shown, encoding="utf-8")
    assert load_spec(path).name == "our_clinic"


# Decisions, contracts, reviews


def test_every_reason_for_abstaining_with_its_words() -> None:
    table = {row[0]: row[1:] for row in rows(text_of("decisions"))}
    for reason in AbstainReason:
        assert table[reason.value] == [reason.sentence, reason.next_action]


def test_every_head_and_its_score() -> None:
    scores = ("outlier_mass", "max_softmax")
    assert [name for name in scores if f"`{name}`" not in text_of("decisions")] == []
    heads = {*choices("train", "head")}
    assert heads == {*HeadKind} <= first_cells(text_of("training"))
    assert {"hod", "reject", "softmax"} <= first_cells(text_of("decisions"))


def test_every_column_of_the_predictions() -> None:
    text = section("bundle_and_predictions", "The predictions")
    columns = {*CASE_COLUMNS, *DECISION_COLUMNS, *_ARRAYS}
    assert first_cells(text) - {"column", "*subgroups*"} == columns
    assert FORMAT in text


def test_every_file_and_field_of_a_bundle() -> None:
    text = section("bundle_and_predictions", "The bundle")
    files = {bundle.MANIFEST, bundle.POLICY, bundle.SPEC, bundle.CARD, parts.ACQUISITION}
    files |= {f"{stage}/*.safetensors" for stage in (parts.SEGMENTATION, parts.REFERRAL)}
    fields = {"digest", *manifest.BundleManifest.model_fields}
    assert files | fields <= first_cells(text)
    assert [name for name in Policy.model_fields if f"`{name}`" not in text] == []
    assert manifest.FORMAT in text


def test_every_array_and_fact_of_a_reading() -> None:
    text = section("bundle_and_predictions", "The reading")
    arrays = {item.name for item in dataclasses.fields(OctReading)} - {"facts"}
    assert first_cells(text) - {"array", "fact"} == arrays | {*ReadingFacts.model_fields}
    assert oct_reading.FORMAT in text


def test_every_event_and_reason_of_a_review() -> None:
    text = text_of("reviewing")
    assert first_cells(text.split("| event | when |")[1].split("\n\n")[0]) == {*EventType}
    pairs = {row[i]: row[i + 1] for row in rows(text) for i in range(0, len(row) - 1, 2)}
    assert {reason.value: reason.sentence for reason in OverrideReason}.items() <= pairs.items()


def test_the_limits_on_files() -> None:
    text = " ".join(text_of("security_and_privacy").split())
    shown = (
        f"{DEFAULT_LIMITS.max_bytes // 2**20} MiB a file",
        f"{DEFAULT_LIMITS.max_pixels // 10**6} million pixels a frame",
        f"{DEFAULT_LIMITS.max_frames} frames",
        f"{DEFAULT_LIMITS.max_total_pixels // 10**6} million pixels in all",
        f"{DEFAULT_VOLUME_LIMITS.max_bytes // 2**20} MiB a file or folder",
        f"{DEFAULT_VOLUME_LIMITS.max_whole_bytes // 2**20} MiB a DICOM file or picture",
        f"{DEFAULT_VOLUME_LIMITS.max_bscans} B-scans",
        f"{DEFAULT_VOLUME_LIMITS.max_voxels // 10**6} million samples in all",
        f"{DEFAULT_VOLUME_LIMITS.max_pixels // 10**6} million a B-scan",
        f"{DEFAULT_VOLUME_LIMITS.max_side} rows or columns",
    )
    assert [words for words in shown if words not in text] == []


# The container


def test_the_image_takes_only_what_the_package_needs() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in allowed if line.startswith("!")} == names
    assert "*" in allowed
    assert all((ROOT / name).exists() for name in names)
    assert dockerfile.rindex("USER ") > dockerfile.rindex("RUN "), "the last word on the user"
