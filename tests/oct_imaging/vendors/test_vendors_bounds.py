"""What a vendor's file costs: bounds on what follows from a header, however small the file is."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import read_vendor
from triage.oct_imaging.vendors.heyex import MOST_SURFACE_SAMPLES, Surfaces
from triage.oct_imaging.vendors.topcon_pictures import decoded
from triage.oct_imaging.vendors.xml_tree import parse_xml

MEBIBYTE = 2**20


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def refusal(kind: str, path: Path, limits: VolumeLimits | None = None) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read_vendor(kind, path, limits or VolumeLimits())
    assert caught.value.hint
    return caught.value


# Boundaries


def test_boundaries_take_bounded_memory() -> None:
    shape = (1024, 10, 4096)
    most = MOST_SURFACE_SAMPLES // (1024 * 4096)
    surfaces = Surfaces(shape)
    rows = np.full(4096, 2.0, np.float32)
    with little_memory(4 * MOST_SURFACE_SAMPLES + 4 * MEBIBYTE):
        for number in range(most):
            surfaces.put(f"layer {number}", 0, rows)
        with pytest.raises(ImageRejected) as caught:
            surfaces.put("one more", 0, rows)
    assert caught.value.reason is RejectReason.TOO_LARGE


def test_a_boundary_of_many_bscans_is_allocated_once() -> None:
    surfaces = Surfaces((500, 10, 4096))
    rows = np.full(4096, 2.0, np.float32)
    tracemalloc.start()
    try:
        for bscan in range(500):
            surfaces.put("ILM", bscan, rows)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size + MEBIBYTE
    assert (surfaces.found()["ILM"] == 2).all()


def test_a_vol_of_many_layers(tmp_path: Path) -> None:
    """64 boundaries for one of 1000 B-scans of 4096 x 1, in a file of 17 MB."""
    count, width, layers = 1000, 4096, 64
    header = struct.pack(
        "<12s3I3d2I2dId4s8xiI", b"HSF-OCT-103\0", width, count, 1, 0.01, 0.1, 0.004, 0, 0, 0.1,
        0.1, 0, 0.0, b"OD\0\0", 3, 0,
    )  # fmt: skip
    path = tmp_path / "a.vol"
    with path.open("wb") as stream:
        stream.write(header.ljust(2048, b"\0"))
        for index in range(count):
            reported = layers if not index else 0
            size = 256 + 4 * width * reported
            ends = (0.0, 0.1 * index, 1.0, 0.1 * index)
            head = struct.pack("<12sI4d2I", b"HSF-BS-103", size, *ends, reported, 256)
            stream.write(head.ljust(256, b"\0") + bytes(4 * width * reported) + bytes(4 * width))
    with little_memory(256 * MEBIBYTE):
        assert refusal("heyex_vol", path).reason is RejectReason.TOO_LARGE


def test_an_xml_of_many_boundaries(tmp_path: Path) -> None:
    writers.write_xml(tmp_path / "e")
    path = tmp_path / "e" / "export.xml"
    rows = " ".join(["4.5"] * writers.WIDTH)
    lines = "".join(
        f"<SegLine><Name>N{number}</Name><Array>{rows}</Array></SegLine>" for number in range(9000)
    )
    end = "</SegLine></Segmentation>"
    path.write_text(path.read_text().replace(end, f"</SegLine>{lines}</Segmentation>", 1))
    with little_memory(32 * MEBIBYTE):
        assert refusal("heyex_xml", path).reason is RejectReason.TOO_LARGE


# XML


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("<HEDX>" + "<a/>" * 200_001 + "</HEDX>", 64),
        ("<HEDX " + " ".join(f'a{n}="1"' for n in range(200_001)) + "/>", 64),
        (
            "<HEDX>" + f"<b {' '.join(f'a{n}=_' for n in range(9))}/>".replace("_", '"1"') * 30_000,
            64,
        ),
        ("<HEDX><!--" + "x" * 3_000_000 + "--></HEDX>", 32),
        ("<HEDX a='" + "x" * 3_000_000 + "'/>", 32),
    ],
    ids=["elements", "attributes of one", "attributes of many", "comment", "value"],
)
def test_xml_of_too_much(text: str, most: int) -> None:
    data = text.encode()
    with little_memory(most * MEBIBYTE), pytest.raises(ImageRejected) as caught:
        parse_xml(data)
    assert caught.value.reason is RejectReason.UNREADABLE


def test_a_long_text_is_one_text() -> None:
    """Line ends and references come one by one from the parser."""
    data = b"<HEDX>" + b"\n" * 2_000_000 + b"&lt;" * 500_000 + "\U0001f600".encode() + b"</HEDX>"
    with little_memory(64 * MEBIBYTE):
        root = parse_xml(data)
    assert len(root.text or "") == 2_500_001


def test_xml_in_pieces_reads_like_a_whole() -> None:
    text = "<HEDX>" + "".join(f"<a>{'äöü€' * 50}{n}</a>" for n in range(3000)) + "</HEDX>"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        root = parse_xml(text.encode(encoding))
        assert len(root) == 3000
        assert root[2999].text == "äöü€" * 50 + "2999"


# Pictures within a file


def packed(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def textured(height: int = 96, width: int = 80) -> np.ndarray:
    rng = np.random.default_rng(3)
    ramp = np.add.outer(np.arange(height), np.arange(width))
    return (ramp + rng.integers(0, 9, (height, width))).astype(np.uint8)


@pytest.mark.parametrize("close", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000", "progressive"])
def test_pictures_that_are_cut_are_refused(kind: str, close: bytes) -> None:
    options = {"progressive": True} if kind == "progressive" else {}
    whole = packed(textured(), "JPEG" if options else kind, **options)
    assert decoded(whole, (80, 96)).shape == (96, 80)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ImageRejected) as caught:
            decoded(whole[: int(share * len(whole))] + close, (80, 96))
        assert caught.value.reason in (RejectReason.TRUNCATED, RejectReason.UNREADABLE)


def test_a_jpeg_2000_whose_header_promises_more_is_refused() -> None:
    """Twice as many rows, for which there are no tiles."""
    whole = bytearray(packed(textured(), "JPEG2000", no_jp2=True, tile_size=(80, 96)))
    at = whole.index(b"\xff\x51") + 4
    (rows,) = struct.unpack_from(">L", whole, at + 6)
    assert rows == 96
    struct.pack_into(">L", whole, at + 6, 192)
    with pytest.raises(ImageRejected):
        decoded(bytes(whole), (80, 192))


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_sizes_are_checked_before_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packed(textured(), kind)
    monkeypatch.setattr("simplejpeg.decode_jpeg", None)
    monkeypatch.setattr("openjpeg.decode", None)
    with pytest.raises(ImageRejected, match="another size"):
        decoded(whole, (81, 96))


def test_a_picture_of_an_export_is_not_decoded_at_another_size(
    tmp_path: Path,
) -> None:
    writers.write_xml(tmp_path / "e")
    (tmp_path / "e" / "b1.tif").write_bytes(packed(np.zeros((3000, 3000), np.uint8), "PNG"))
    with little_memory(4 * MEBIBYTE):
        assert "another size" in refusal("heyex_xml", tmp_path / "e").what


def test_a_picture_of_an_export_that_is_cut(tmp_path: Path) -> None:
    writers.write_xml(tmp_path / "e")
    bscan = np.random.default_rng(0).integers(0, 256, writers.SHAPE[1:], dtype=np.uint8)
    whole = packed(bscan, "PNG")
    (tmp_path / "e" / "b1.tif").write_bytes(whole[: len(whole) * 3 // 4])
    assert refusal("heyex_xml", tmp_path / "e").reason in (
        RejectReason.TRUNCATED,
        RejectReason.UNREADABLE,
    )


# Volumes B-scan by B-scan


def test_reading_takes_the_volume_in_8_bits_and_little_more(tmp_path: Path) -> None:
    """Of 16 and 32 stored bits; the file itself is never held."""
    count, height, width = 80, 256, 256
    size = count * height * width
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 2**16, (count, height, width), dtype=np.uint16)
    files = {
        "bioptigen": writers.bioptigen_bytes(volume=deep),
        "zeiss": rng.integers(0, 256, 1024 * 40 * 128, dtype=np.uint8).tobytes(),
    }
    (tmp_path / "bioptigen.OCT").write_bytes(files["bioptigen"])
    (tmp_path / "40x128.img").write_bytes(files["zeiss"])
    writers.write_optovue(tmp_path / "optovue.oct", deep.astype(np.float32))
    for kind, name in (
        ("bioptigen", "bioptigen.OCT"),
        ("optovue", "optovue.oct"),
        ("zeiss", "40x128.img"),
    ):
        with little_memory(size + 12 * MEBIBYTE):
            draft = read_vendor(kind, tmp_path / name, VolumeLimits())
        assert draft.bscans.dtype == np.uint8


def test_a_raw_topcon_volume_is_read_bscan_by_bscan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (80, 256, 256)
    for name, value in zip(("COUNT", "HEIGHT", "WIDTH"), shape, strict=True):
        monkeypatch.setattr(writers, name, value)
    monkeypatch.setattr(writers, "SHAPE", shape)
    path = tmp_path / "a.fds"
    volume = np.random.default_rng(1).integers(0, 2**16, shape, dtype=np.uint16)
    path.write_bytes(writers.topcon_bytes("fds", volume=volume))
    with little_memory(volume.size + 12 * MEBIBYTE):
        read_vendor("topcon", path, VolumeLimits())


def test_one_boundary_told_many_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writers.write_xml(tmp_path / "e")
    path = tmp_path / "e" / "export.xml"
    most = writers.COUNT * writers.WIDTH + 30 * writers.WIDTH
    for module in ("heyex", "heyex_elements"):
        monkeypatch.setattr(f"triage.oct_imaging.vendors.{module}.MOST_SURFACE_SAMPLES", most)
    rows = " ".join(["4.5"] * writers.WIDTH)
    line = f"<SegLine><Name>ILM</Name><Array>{rows}</Array></SegLine>"
    text = path.read_text()
    end = "</SegLine></Segmentation>"
    path.write_text(text.replace(end, f"</SegLine>{30 * line}</Segmentation>", 1))
    assert np.nanmax(read_vendor("heyex_xml", path, VolumeLimits()).surfaces["ILM"]) == 4.5
    path.write_text(text.replace(end, f"</SegLine>{31 * line}</Segmentation>", 1))
    assert refusal("heyex_xml", path).reason is RejectReason.TOO_LARGE
