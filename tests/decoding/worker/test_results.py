from __future__ import annotations

import io

import numpy as np
import pytest

from triage.decoding.file_report import FileReport
from triage.decoding.worker.messages import MessageError, read_message, write_message
from triage.decoding.worker.results import Result, decode_result, encode_refusal, encode_result
from triage.errors import ImageRejected, RejectReason
from triage.imaging.picture import Picture, PictureFlag
from triage.imaging.resized import ResizedPicture
from triage.oct_imaging.volume import Claim, Flag, Localizer, OctVolume, Spacing

from .test_messages import filler

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (2, 5, 7, 3), np.uint8)


def volume(localizer: Localizer | None) -> OctVolume:
    return OctVolume(
        bscans=PIXELS[..., 0],
        spacing=Spacing(0.1, 0.004, None),
        kind="dicom",
        sha256="b" * 64,
        laterality="R",
        fixation="macula",
        localizer=localizer,
        manufacturer="Maker",
        model="M1",
        surfaces={"ILM": np.array([[1, np.nan] + [2] * 5] * 2, np.float32)},
        claims={"laterality": (Claim("R", "file name"), Claim("R", "sidecar laterality"))},
        flags=(Flag.SPACING_MISSING,),
    )


RESULTS: list[Result] = [
    Picture(PIXELS, "jpeg", None, "a" * 64, (PictureFlag.COLOURS_CONVERTED,)),
    Picture(PIXELS, "dicom", "VL Photographic Image Storage", "a" * 64),
    Picture(PIXELS, "dicom", None, "a" * 64, mm_per_pixel=(0.05, 0.04)),
    ResizedPicture(
        (PIXELS, PIXELS[:, ::2]),
        "a" * 64,
        "The picture is black.",
        (PictureFlag.COLOURS_CONVERTED,),
    ),
    volume(None),
    volume(Localizer(PIXELS[0, :, :, 0])),
    volume(Localizer(PIXELS[0, :, :, 0], 0.01, np.zeros((2, 2, 2), np.float32))),
    FileReport(file="a.jpg", readable=False, reason=RejectReason.EMPTY, message="Empty."),
]


def passed_on(result: Result) -> Result:
    sent = io.BytesIO()
    write_message(sent.write, *encode_result(result))
    return decode_result(*read_message(filler(sent.getvalue()), 10**6))


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_every_result_comes_back_as_it_was(result: Result) -> None:
    found = passed_on(result)
    assert type(found) is type(result)
    assert repr(found) == repr(result)
    if isinstance(result, Picture):
        assert isinstance(found, Picture)
        assert (found.frames == result.frames).all()
    if isinstance(result, ResizedPicture):
        assert isinstance(found, ResizedPicture)
        for array, expected in zip(found.inputs, result.inputs, strict=True):
            assert np.array_equal(array, expected)
    if isinstance(result, OctVolume):
        assert isinstance(found, OctVolume)
        assert (found.bscans == result.bscans).all()
        assert np.array_equal(found.surfaces["ILM"], result.surfaces["ILM"], equal_nan=True)
        if result.localizer is not None:
            assert found.localizer is not None
            assert (found.localizer.pixels == result.localizer.pixels).all()


def test_a_refusal_comes_back_as_it_was() -> None:
    refusal = ImageRejected(
        RejectReason.TRUNCATED, "It ends.", where="a.jpg", hint="Copy it.", sha256="c" * 64
    )
    with pytest.raises(ImageRejected) as caught:
        decode_result(encode_refusal(refusal) | {"arrays": []}, [])
    assert str(caught.value) == str(refusal)
    assert (caught.value.reason, caught.value.sha256) == (refusal.reason, refusal.sha256)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"type": "picture"},
        {"type": "unknown", "sha256": "", "flags": []},
        {"type": "picture", "sha256": "", "flags": ["none such"], "kind": "", "modality": None},
        {"type": "picture", "sha256": "", "flags": [], "kind": "", "modality": None},
        {"type": "refusal", "reason": "none such"},
        {"type": "report", "report": {"file": 3}},
        {"type": "volume", "surfaces": []},
    ],
)
def test_a_malformed_answer_is_an_error(header: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        decode_result(header, [])
