"""Files that are hostile or broken cost their own case and no other."""

from __future__ import annotations

import csv
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding.hostile import CORPUS
from tests.imaging.samples import dicom_dataset, encode, file_bytes, picture
from tests.pipelines.command import Command, stored
from tests.tiny import TinyBundle


@pytest.fixture
def hostile_inbox(tmp_path: Path) -> Path:
    """Good photographs between a pipe, devices, links, bombs and truncated files."""
    root = tmp_path / "inbox"
    root.mkdir()
    outside = tmp_path / "outside.png"
    outside.write_bytes(encode(picture(), "png"))
    names = []
    for number, (name, (make, _)) in enumerate(CORPUS.items()):
        if number % 8 == 0:
            good = root / f"good{number}.png"
            good.write_bytes(encode(picture(seed=number), "png"))
            names.append(good.name)
        (root / f"{name}.jpg").write_bytes(make())
        names.append(f"{name}.jpg")
    os.mkfifo(root / "pipe.png")
    (root / "zero.png").symlink_to("/dev/zero")
    (root / "link.png").symlink_to(outside)
    names += ["pipe.png", "zero.png", "link.png", "absent.png"]
    with (root / "inbox.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "case_id"])
        writer.writerows((name, name) for name in names)
    return root / "inbox.csv"


def test_good_cases_of_a_hostile_batch_are_scored(
    tiny_bundle: TinyBundle, hostile_inbox: Path, tmp_path: Path, triage: Command, database: str
) -> None:
    root, out = hostile_inbox.parent, tmp_path / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", hostile_inbox, "--root", root,
        "--out", out, "--db", database, "--json",
    )  # fmt: skip
    assert answer.code == 3
    good = [path.name for path in root.glob("good*.png")]
    assert answer.json["counts"]["read"] == len(good)
    assert answer.json["counts"]["rejected"] == len(CORPUS) + 4
    with Path(f"{out}.rejected.csv").open(newline="") as stream:
        reasons = {row["case_id"]: row["reason"] for row in csv.DictReader(stream)}
    assert not {*good} & {*reasons}
    for name, (_, allowed) in CORPUS.items():
        assert reasons[f"{name}.jpg"] in {str(reason) for reason in allowed}
    assert reasons["pipe.png"] == reasons["absent.png"] == "missing"
    assert reasons["link.png"] == "outside_root"
    assert reasons["zero.png"] in ("missing", "outside_root")
    assert stored(database) == (len(good) + len(CORPUS) + 4,) * 2


def test_what_is_stored_is_the_hash_of_what_was_scored(
    tiny_bundle: TinyBundle, tmp_path: Path, triage: Command, database: str
) -> None:
    from triage.hashing import hash_file

    root = tmp_path / "inbox"
    root.mkdir()
    (root / "good.png").write_bytes(encode(picture(), "png"))
    (root / "half.png").write_bytes(encode(picture(), "png")[:-50])
    os.mkfifo(root / "pipe.png")
    (root / "inbox.csv").write_text("image\ngood.png\nhalf.png\npipe.png\nnone.png\n")
    arguments = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", root / "inbox.csv",
        "--root", root, "--out", tmp_path / "out.parquet", "--db", database,
    )  # fmt: skip
    for _ in range(2):  # from the pixels, then from the cache of embeddings
        assert triage(*arguments).code == 3
    with sqlite3.connect(tmp_path / "cases.db") as connection:
        found = dict(connection.execute("SELECT path, sha256 FROM image"))
    assert found == {
        "good.png": hash_file(root / "good.png"),
        "half.png": hash_file(root / "half.png"),
        "pipe.png": None,
        "none.png": None,
    }


def test_a_conversion_of_colours_is_kept_with_the_case(
    tiny_bundle: TinyBundle, tmp_path: Path, triage: Command, database: str
) -> None:
    from tests.imaging.icc import display_p3

    root = tmp_path / "inbox"
    root.mkdir()
    (root / "wide.png").write_bytes(encode(picture(), "png", icc_profile=display_p3()))
    (root / "plain.png").write_bytes(encode(picture(), "png"))
    (root / "inbox.csv").write_text("image\nwide.png\nplain.png\n")
    for name in ("first.db", "second.db"):  # the second time, no file is decoded
        url = f"sqlite:///{tmp_path / name}"
        answer = triage(
            "score", "--bundle", tiny_bundle.folder, "--manifest", root / "inbox.csv",
            "--root", root, "--out", tmp_path / "out.parquet", "--db", url,
        )  # fmt: skip
        assert answer.code == 0
        with sqlite3.connect(tmp_path / name) as connection:
            found = dict(connection.execute("SELECT path, flags FROM image"))
        assert found == {"wide.png": '["colours_converted"]', "plain.png": "[]"}


def test_inspect_writes_what_the_system_sees(tmp_path: Path, triage: Command) -> None:
    first, second, third = (tmp_path / name for name in ("a.png", "b.dcm", "c.png"))
    first.write_bytes(encode(picture(), "png"))
    second.write_bytes(file_bytes(dicom_dataset(np.stack([picture(), picture(seed=3)]))))
    third.write_bytes(encode(picture(), "png")[:-60])
    seen = tmp_path / "seen"
    answer = triage("inspect", "--json", "--pixels", seen, first, second, third)
    assert answer.code == 3
    listed = [found["pixels"] for found in answer.json["files"]]
    assert listed == [["0_0.png"], ["1_0.png", "1_1.png"], []]
    assert sorted(path.name for path in seen.iterdir()) == ["0_0.png", "1_0.png", "1_1.png"]
    for name, expected in (("0_0.png", picture()), ("1_1.png", picture(seed=3))):
        with Image.open(seen / name) as image:
            assert (np.asarray(image) == expected).all()


def test_inspect_looks_at_any_class(tmp_path: Path, triage: Command) -> None:
    from pydicom import uid

    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(dicom_dataset(picture(), sop_class=uid.MRImageStorage)))
    assert triage("inspect", path).code == 3
    assert triage("inspect", "--any-class", path).code == 0


def test_pixels_need_a_folder(tmp_path: Path, triage: Command) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))
    answer = triage("inspect", "--pixels", path, path)
    assert answer.code == 2
    assert "--pixels" in answer.err
