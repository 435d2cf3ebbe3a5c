from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.ui.make_oct import SMALL, reading_of, tissue_map, write_volume
from triage.decoding.read_volume import read_volume
from triage.measurements.localizer import begins_above
from triage.oct_imaging import Localizer, OctVolume, Spacing
from triage.store import ImageRecord
from triage.vocabulary.tissues import Tissue
from ui.oct_reading_payload import describe_reading
from ui.oct_volume_payload import describe_volume, en_face
from ui.payload import Payload


@pytest.fixture
def image(tmp_path: Path) -> ImageRecord:
    return write_volume(tmp_path / "a.npz")


@pytest.fixture
def volume(image: ImageRecord) -> OctVolume:
    return read_volume(Path(image.root) / image.path)


class Opened:
    """A payload, decoded as the viewer decodes it."""

    def __init__(self, payload: bytes) -> None:
        (length,) = struct.unpack("<I", payload[:4])
        self.header = json.loads(payload[4 : 4 + length])
        self.rest = payload[4 + length :]

    def part(self, reference: list[int]) -> bytes:
        return self.rest[reference[0] : reference[0] + reference[1]]

    def picture(self, reference: list[int]) -> Image.Image:
        return Image.open(io.BytesIO(self.part(reference)))


def opened(volume: OctVolume) -> Opened:
    payload = Payload()
    return Opened(payload.encode(describe_volume(volume, payload)))


def read(image: ImageRecord, *, with_opinion: bool = True) -> Opened:
    payload = Payload()
    reading = reading_of(image, SMALL)
    described = describe_reading(reading, payload, with_opinion=with_opinion, superior_first=False)
    return Opened(payload.encode(described))


def test_every_bscan_comes_through_nearly_as_it_was(volume: OctVolume) -> None:
    sent = opened(volume)
    places = sent.header["bscans"]["pictures"]
    assert len(places) == SMALL[0]
    for place, bscan in zip(places, volume.bscans, strict=True):
        difference = np.asarray(sent.picture(place), float) - bscan
        assert np.abs(difference).mean() < 4
    assert sent.header["bscans"]["proportion"] == pytest.approx(1.92 / 6, rel=1e-3)


def test_large_bscans_are_fitted(volume: OctVolume) -> None:
    wide = replace(
        volume, bscans=np.repeat(volume.bscans[:2], 12, axis=2), localizer=None, surfaces={}
    )
    sent = opened(wide)
    assert sent.picture(sent.header["bscans"]["pictures"][0]).size[0] == 1024
    assert sent.header["bscans"]["width"] == 12 * SMALL[2]


def test_the_en_face_is_the_mean_over_depth() -> None:
    bscans = np.zeros((3, 10, 4), np.uint8)
    bscans[1, :, 2] = 200
    bscans[2] = 40
    projected = en_face(bscans)
    assert projected.shape == (3, 4)
    assert projected[1, 2] == 255
    assert projected[0].max() == 0
    assert 0 < projected[2, 0] < 255


def test_the_map_is_turned_where_the_scanner_begins_below(volume: OctVolume) -> None:
    assert volume.localizer is not None
    assert volume.localizer.lines is not None
    assert not begins_above(volume)
    turned = replace(volume.localizer, lines=volume.localizer.lines[::-1].copy())
    assert begins_above(replace(volume, localizer=turned))
    assert begins_above(replace(volume, localizer=None))


@pytest.mark.parametrize(
    ("eye", "sides"), [("R", ["temporal", "nasal"]), ("L", ["nasal", "temporal"]), (None, [])]
)
def test_the_nasal_side_follows_from_the_eye_and_is_never_guessed(
    volume: OctVolume, eye: str | None, sides: list[str]
) -> None:
    assert opened(replace(volume, laterality=eye)).header["enface"]["sides"] == sides
    assert volume.localizer is not None
    bare = Localizer(volume.localizer.pixels)
    assert opened(replace(volume, laterality=eye, localizer=bare)).header["enface"]["sides"] == []


def test_the_lines_are_shares_of_the_localizer(volume: OctVolume) -> None:
    lines = np.array(opened(volume).header["localizer"]["lines"])
    assert lines.shape == (SMALL[0], 4)
    assert lines[0] == pytest.approx([1.5 / 9, 7.5 / 9, 7.5 / 9, 7.5 / 9], abs=1e-3)


def test_without_a_scale_nothing_is_to_scale(volume: OctVolume) -> None:
    sent = opened(replace(volume, spacing=Spacing()))
    assert sent.header["enface"]["aspect"] is None
    assert not any("mm" in fact for fact in sent.header["facts"])


def test_the_label_maps_hold_the_mean_and_each_instance_exactly(image: ImageRecord) -> None:
    sent = read(image)
    reading = reading_of(image, SMALL)
    labels = np.asarray(sent.picture(sent.header["maps"][5]))
    assert labels.shape == (6 * SMALL[1], SMALL[2])
    parts = np.split(labels, 6)
    np.testing.assert_array_equal(parts[0], tissue_map(SMALL)[5])
    for part, hypothesis in zip(parts[1:], reading.hypotheses[:, 5], strict=True):
        np.testing.assert_array_equal(part, hypothesis)


def test_the_colours_are_those_of_the_tissues_and_the_vitreous_is_clear(image: ImageRecord) -> None:
    sent = read(image)
    picture = sent.picture(sent.header["maps"][5])
    labels, colours = np.asarray(picture), np.asarray(picture.convert("RGBA"))
    for tissue in Tissue:
        found = colours[labels == tissue]
        if len(found):
            wanted = [int(tissue.colour[at : at + 2], 16) for at in (1, 3, 5)]
            assert (found == [*wanted, 0 if tissue is Tissue.VITREOUS else 255]).all()
    names = [tissue["name"] for tissue in sent.header["tissues"]]
    assert names == [tissue.title for tissue in Tissue if (labels == tissue).any()]


def test_shares_and_disagreement_are_counted(image: ImageRecord) -> None:
    sent, reading = read(image).header, reading_of(image, SMALL)
    fluid = [tissue["name"] for tissue in sent["tissues"]].index("subretinal fluid")
    share = 100 * (reading.hypotheses[2, 6] == Tissue.SUBRETINAL_FLUID).mean()
    assert sent["shares"][3][6][fluid] == pytest.approx(share, abs=0.01)
    differing = (reading.hypotheses != reading.tissue).any(axis=0).mean(axis=(1, 2))
    assert sent["most_differing"] == differing.argmax()
    assert sent["differing"] == pytest.approx(differing.tolist(), abs=1e-4)


def test_the_thickness_is_sent_in_numbers_too(image: ImageRecord) -> None:
    sent, reading = read(image), reading_of(image, SMALL)
    values = np.frombuffer(sent.part(sent.header["thickness"]["values"]), "<u2")
    known = np.isfinite(reading.thickness)
    assert known.any()
    sheet = values.reshape(reading.thickness.shape)
    np.testing.assert_allclose(sheet[known], reading.thickness[known], atol=0.51)
    assert (sheet[~known] == 65_535).all()


def test_the_etdrs_numbers_are_the_measured_ones_at_their_places(image: ImageRecord) -> None:
    grid = read(image).header["grid"]
    measured = {row.name: row.value for row in reading_of(image, SMALL).facts.measurements}
    places = {field["name"]: field["at"] for field in grid["fields"]}
    for field in grid["fields"]:
        value = measured[f"{field['name']} thickness"]
        assert value is not None
        assert field["text"] == f"{value:.0f}"
    centre = places["central subfield"]
    assert places["inner nasal"][0] > centre[0] > places["inner temporal"][0]  # a right eye
    assert places["inner superior"][1] > centre[1]  # whose first B-scan is the lowest
    assert grid["radii"][2][0] == pytest.approx(0.5)  # 6 mm across a map of 6 mm


def test_every_pairs_probability_is_sent_with_mean_and_ends(image: ImageRecord) -> None:
    sent, reading = read(image).header, reading_of(image, SMALL)
    urgent, *_, other = sent["referral"]
    assert np.array(urgent["pairs"]) == pytest.approx(reading.referral[..., 0], abs=1e-3)
    assert np.array(other["pairs"]) == pytest.approx(reading.referral[..., 4:].sum(-1), abs=1e-3)
    assert urgent["mean"] == pytest.approx(float(reading.referral[..., 0].mean()), abs=1e-4)
    assert urgent["low"] < urgent["mean"] < urgent["high"]
    means = [row["mean"] for row in sent["diagnoses"]]
    assert means == sorted(means, reverse=True)


def test_an_abstentions_probabilities_are_not_sent(image: ImageRecord) -> None:
    sent = read(image, with_opinion=False).header
    assert sent["referral"] == sent["diagnoses"] == []
    assert sent["measurements"]
