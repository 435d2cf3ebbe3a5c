"""An OCT case on the page: what is sent before and after the first read, and its errors."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.store.make import abstention, bundle, case
from tests.ui.conftest import (
    Pages,
    everything,
    sign_in_without_a_browser,
)
from tests.ui.make_cases import SITE
from tests.ui.make_oct import (
    SECRETS,
    SMALL,
    fill_oct,
    oct_opinion,
    reading_of,
    write_reading,
    write_volume,
)
from tests.ui.panel import bars, content, lock, read, take
from triage.decision import Decision
from triage.decoding.read_volume import read_volume
from triage.hashing import hash_file
from triage.review import StepRefused
from triage.store import (
    ImageRecord,
    Modality,
    ReadingRecord,
    add_case,
    add_prediction,
    champion,
    open_store,
    register_bundle,
)
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.diagnoses import DIAGNOSES
from ui.image_files import NOT_RECORDED


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    url, cases = fill_oct(tmp_path)
    sign_in_without_a_browser(monkeypatch, url)
    return Pages(url, cases)


def header(app: AppTest) -> dict[str, Any]:
    """Return the header of the message to the viewer."""

    def walk(block: Any) -> list[bytes]:
        proto = getattr(block, "proto", None)
        found = [proto.bytes] if getattr(proto, "component_name", "") == "oct_viewer" else []
        for child in getattr(block, "children", {}).values():
            found += walk(child)
        return found

    (payload,) = [part for root in app._tree.children.values() for part in walk(root)]
    (length,) = struct.unpack("<I", payload[:4])
    sent: dict[str, Any] = json.loads(payload[4 : 4 + length])
    return sent


def add(
    pages: Pages,
    image: ImageRecord,
    decision: Decision | None = None,
    name: str = "more",
    reading: ReadingRecord | None = None,
) -> str:
    """Put another case of a volume into the store."""
    store = open_store(pages.url)
    with store.transaction() as session:
        record = case(name, source=SITE, images=(image,), modality=Modality.OCT_VOLUMES)
        number = add_case(session, record)
        system = champion(session)
        assert system is not None
        if decision is not None:
            known = register_bundle(session, system)
            add_prediction(session, number, known, decision, reading)
    store.close()
    pages.cases[name] = number
    return name


def revealed(pages: Pages, name: str) -> AppTest:
    return lock(pages, name, **read("normal", "routine"))


@pytest.mark.parametrize("name", ["V-2001", "V-2002"])
def test_nothing_of_the_ai_is_sent_before_the_first_read_is_locked(
    volumes: Pages, name: str
) -> None:
    app = volumes.open(name)
    assert not app.exception
    sent_header = header(app)
    assert sent_header["reading"] is None
    assert sent_header["eye"] == "Right eye (R)"
    assert len(sent_header["bscans"]["pictures"]) == len(sent_header["signal"]) == SMALL[0]
    sent = everything(app)
    assert content(app)["stage"] == "first_read"
    assert not any(secret in sent for secret in SECRETS)
    assert header(revealed(volumes, name))["reading"] is not None


def test_the_reader_chooses_among_the_ten_diagnoses(volumes: Pages) -> None:
    choices = content(volumes.open("V-2001"))["choices"]
    assert choices["several"]
    assert {one["name"] for one in choices["conditions"]} == {
        *(title[:1].upper() + title[1:] for title in DIAGNOSES.values()),
        "Other / not listed",
    }


def test_the_opinion_on_a_volume(volumes: Pages) -> None:
    app = revealed(volumes, "V-2001")
    assert not app.exception
    card = content(app)["opinion"]
    assert card["referral"] == "Urgent"
    assert "they may occur together" in card["about"][0]
    # Of a scan that it knows, 96 of 100: 0.83 * 0.96, and so in the viewer.
    assert bars(app)[0] == "Choroidal neovascularisation: about 80 of 100"
    assert bars(app)[3].endswith("about 19 of 100")
    assert bars(app)[4:] == ["None of the conditions it knows: about 4 of 100"]
    reading = header(app)["reading"]
    assert [row["name"] for row in reading["referral"]] == [
        "Urgent",
        "Semi-urgent",
        "Routine",
        "Observation",
        "None it knows",
    ]
    assert len(reading["diagnoses"]) == len(DIAGNOSES)
    with pytest.raises(StepRefused, match="differs from the AI"):
        take(volumes, "V-2001", "decision", **read("normal", "routine"))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (AbstainReason.UNFAMILIAR, "Unfamiliar condition"),
        (AbstainReason.QUALITY, "Ungradable scan"),
        (AbstainReason.UNSEEN_DEVICE, "Unseen device"),
        (AbstainReason.MISSING_METADATA, "Missing scale"),
    ],
)
def test_an_abstention_marks_its_reason_and_sends_no_probability(
    volumes: Pages, tmp_path: Path, code: AbstainReason, name: str
) -> None:
    image = write_volume(tmp_path / "volumes" / "other.npz", seed=9)
    place = write_reading(tmp_path / "other.oct_reading", reading_of(image, SMALL))
    app = revealed(volumes, add(volumes, image, abstention(code), reading=place))
    listed = content(app)["opinion"]["listed"]
    assert [one["name"] for one in listed if one["applies"]] == [name]
    sent_header = header(app)
    assert sent_header["reading"]["referral"] == sent_header["reading"]["diagnoses"] == []
    assert "The AI gave no opinion on this scan" in sent_header["warnings"][0]
    assert "of 100" not in json.dumps(content(app)) + json.dumps(sent_header)
    assert "referral" not in content(app)["opinion"]


def _gone(path: Path) -> None:
    path.unlink()


def _altered(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    ("harm", "words"), [(_gone, "missing or cannot be read"), (_altered, "changed since the case")]
)
def test_a_reading_that_cannot_be_shown_gives_the_reason(
    volumes: Pages, tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    harm(tmp_path / "readings" / "V-2001.oct_reading.safetensors")
    app = revealed(volumes, "V-2001")
    assert not app.exception
    assert words in app.warning[0].value
    assert "V-2001" not in app.warning[0].value
    assert header(app)["reading"] is None
    assert "about 80 of 100" in everything(app)  # the opinion itself is in the store


def test_a_damaged_reading_and_one_of_another_volume_are_not_shown(
    volumes: Pages, tmp_path: Path
) -> None:
    image = write_volume(tmp_path / "volumes" / "other.npz", seed=9)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"no reading")
    wrong = reading_of(image, SMALL, volume_sha256="f" * 64)
    for name, place, words in (
        ("damaged", ReadingRecord(str(damaged), hash_file(damaged)), "is damaged"),
        ("foreign", write_reading(tmp_path / "foreign", wrong), "is of another volume"),
    ):
        app = revealed(volumes, add(volumes, image, oct_opinion(), name, place))
        assert not app.exception
        assert words in app.warning[0].value


def test_a_volume_that_cannot_be_shown_gives_the_reason_and_names_no_file(
    volumes: Pages, tmp_path: Path
) -> None:
    image = write_volume(tmp_path / "volumes" / "Jane Doe.npz", seed=9)
    folder = tmp_path / "volumes"
    (folder / "Jane Roe.npz").write_bytes(b"PK\x03\x04 but no archive")
    for name, record, words in (
        ("changed", replace(image, sha256="0" * 64), "changed since"),
        ("gone", ImageRecord("Jane Poe.npz", str(folder), None), "cannot be shown"),
        ("broken", ImageRecord("Jane Roe.npz", str(folder), None), "damaged"),
        ("outside", ImageRecord("../cases.db", str(folder), None), "leads outside"),
    ):
        app = volumes.open(add(volumes, record, name=name))
        assert not app.exception
        assert words in app.warning[0].value.replace("\\", "")
        assert "Jane" not in everything(app)
        assert content(app)["stage"] == "first_read"


def test_a_volume_whose_content_was_never_recorded_is_shown_with_a_note(
    volumes: Pages, tmp_path: Path
) -> None:
    image = write_volume(tmp_path / "volumes" / "old.npz", seed=9)
    for name, record in (("known", image), ("old", replace(image, sha256=None))):
        app = volumes.open(add(volumes, record, name=name))
        assert not app.warning
        assert (NOT_RECORDED in header(app)["warnings"]) is (name == "old")


def test_a_scan_without_scale_eye_or_localizer_is_shown_with_warnings(
    volumes: Pages, tmp_path: Path
) -> None:
    path = tmp_path / "volumes" / "bare.npz"
    chance = np.random.default_rng(0)
    np.savez(path, volume=chance.integers(0, 255, (4, 40, 50), dtype=np.uint8))
    image = ImageRecord(path.name, str(path.parent), read_volume(path).sha256)
    app = volumes.open(add(volumes, image))
    sent_header = header(app)
    assert sent_header["eye"] == "Eye unknown"
    assert sent_header["localizer"] is None
    assert sent_header["bscans"]["proportion"] is None
    assert sent_header["enface"]["sides"] == []
    warnings = " ".join(sent_header["warnings"])
    assert "does not state which eye" in warnings
    assert "does not give the scale" in warnings


def test_photographs_do_not_offer_the_diagnoses_of_a_volume(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        register_bundle(session, bundle("5" * 64, conditions=tuple(DIAGNOSES.values())))
    store.close()
    choices = content(pages.open("C-1001"))["choices"]["conditions"]
    assert [one["name"] for one in choices] == [
        "Acne",
        "Folliculitis",
        "Melanoma",
        "Other / not listed",
    ]
