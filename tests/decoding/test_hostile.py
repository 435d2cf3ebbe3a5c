"""Hostile files are refused with the right reason, within bounds of memory, saying nothing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid

import triage
from triage.decoding.inspect_file import inspect_file
from triage.decoding.read_picture import read_picture
from triage.errors import ImageRejected
from triage.imaging.decode import decode_bytes
from triage.imaging.limits import Limits
from triage.imaging.picture import Picture

from ..imaging.samples import (
    PATIENT,
    compressed,
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    picture,
)
from .hostile import CORPUS

READ_ALL = """
import json, pathlib, resource, sys
from triage.errors import ImageRejected
from triage.decoding.read_picture import read_picture
from triage.decoding.worker import default_pool
reasons = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        read_picture(path)
    except ImageRejected as refusal:
        reasons[path.name] = refusal.reason.value
default_pool().close()
# Not RUSAGE_SELF, which counts what the process was before it became this program.
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"reasons": reasons, "peak_kib": int(own.split()[1]) + workers}))
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, (make, _) in CORPUS.items():
        (folder / f"{name}.jpg").write_bytes(make())
    return folder


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there memory is bounded")
def test_the_whole_corpus_is_refused_within_a_gibibyte(corpus: Path) -> None:
    root = str(Path(triage.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(corpus)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    reported = json.loads(done.stdout)
    wrong = {
        name: reported["reasons"].get(f"{name}.jpg")
        for name, (_, allowed) in CORPUS.items()
        if reported["reasons"].get(f"{name}.jpg") not in {reason.value for reason in allowed}
    }
    assert wrong == {}
    assert reported["peak_kib"] < 2**20
    assert done.stderr == ""


@pytest.mark.parametrize("name", CORPUS)
def test_inspection_never_raises(corpus: Path, name: str) -> None:
    report = inspect_file(corpus / f"{name}.jpg")
    assert not report.readable
    assert report.reason in CORPUS[name][1]
    assert PATIENT not in report.model_dump_json()


def survives(data: bytes) -> None:
    """A picture or a refusal, nothing else."""
    with contextlib.suppress(ImageRejected):
        result = decode_bytes(data, Limits(max_pixels=10**6), photographs_only=False)
        assert isinstance(result, Picture)


MAGICS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", bytes(128) + b"DICM"]


@given(st.sampled_from(MAGICS), st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_random_bytes(magic: bytes, rest: bytes) -> None:
    survives(magic + rest)


VALID = {
    "jpeg": lambda: encode(picture(), "jpeg"),
    "png": lambda: encode(picture(), "png"),
    "tiff": lambda: encode(picture(), "tiff", compression="tiff_lzw"),
    "dicom": lambda: file_bytes(dicom_dataset(picture())),
    "implicit": lambda: file_bytes(
        dicom_dataset(picture(), syntax=uid.ImplicitVRLittleEndian, WindowCenter=3, WindowWidth=9)
    ),
    "deflated": lambda: file_bytes(
        dicom_dataset(picture(), syntax=uid.DeflatedExplicitVRLittleEndian)
    ),
    "rle": lambda: compressed(dicom_dataset(picture()), picture(), uid.RLELossless),
    "jpeg-ls": lambda: compressed(dicom_dataset(picture()), picture(), uid.JPEGLSLossless),
    "jpeg 2000": lambda: compressed(dicom_dataset(picture()), picture(), uid.JPEG2000Lossless),
    "dicom jpeg": lambda: encapsulated(
        dicom_dataset(picture(), photometric="YBR_FULL_422"), [encode(picture(), "jpeg")]
    ),
}


@pytest.mark.parametrize("name", VALID)
def test_the_files_to_mutate_are_valid(name: str) -> None:
    frames = decode_bytes(VALID[name](), Limits(), photographs_only=True).frames
    assert np.abs(frames[0].astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("name", VALID)
@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_mutated_files(name: str, data: st.DataObject) -> None:
    content = bytearray(VALID[name]())
    # Headers are where it hurts: half of the changes fall into the first 600 bytes.
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, 600) | st.integers(0, len(content) - 1))
        content[min(place, len(content) - 1)] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    survives(bytes(content[:end]))


def test_names_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(encode(picture(), "png"))
    assert read_picture(path).kind == "png"
