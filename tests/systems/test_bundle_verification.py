"""Everything a bundle uses lies inside it and is covered by its digest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import TinyBundle
from triage.errors import BundleError
from triage.hashing import hash_file
from triage.systems.bundle import load_system, read_manifest, verify_bundle
from triage.systems.bundle_verification import is_inside
from triage.systems.manifest import BundleManifest
from triage.systems.photographs import files

HEAD = "members/tiny_resnet-seed0.safetensors"
OTHER_HEAD = "members/tiny_resnet-seed1.safetensors"
BACKBONE = "backbones/tiny_resnet/model.safetensors"


@pytest.fixture
def copy(tiny_bundle: TinyBundle, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle.folder, tmp_path / "copy")


def reseal(folder: Path, **changes: Any) -> None:
    """Write the manifest again with other content and a digest that fits it."""
    content = read_manifest(folder).model_copy(update=changes).model_dump()
    resealed = BundleManifest.model_validate(content)
    (folder / "manifest.json").write_text(resealed.to_text(), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    ["../head.safetensors", "members/../../head.safetensors", "/tmp/head.safetensors",
     "..", ".", "", "./members/a", "members//a", "members/", "C:/a", "a\\..\\b", "..\\a", "a\x00b"],
)  # fmt: skip
def test_names_that_lead_out_of_a_folder(name: str) -> None:
    assert not is_inside(name)


@pytest.mark.parametrize("name", ["policy.json", "members/a-seed0.safetensors", "a/..b/c..", "é/x"])
def test_names_that_stay_inside(name: str) -> None:
    assert is_inside(name)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_weights_of_a_member_outside_the_bundle(copy: Path, absolute: bool, listed: bool) -> None:
    """Also where the manifest lists the right hash of the file outside."""
    outside = copy.parent / "head.safetensors"
    shutil.move(copy / HEAD, outside)
    manifest = read_manifest(copy)
    name = str(outside) if absolute else "../head.safetensors"
    first = manifest.members[0].model_copy(update={"weights": name})
    files = {key: value for key, value in manifest.files.items() if key != HEAD}
    if listed:
        files[name] = hash_file(outside)
    reseal(copy, members=(first, *manifest.members[1:]), files=files)
    for load in (load_system, verify_bundle, read_manifest):
        with pytest.raises(BundleError, match="may lead out of the bundle") as caught:
            load(copy)
        assert name in str(caught.value)


@pytest.mark.parametrize("key", ["..", "../other", "a/b", "/tmp/other", ""])
def test_a_backbone_outside_the_bundle(copy: Path, key: str) -> None:
    manifest = read_manifest(copy)
    members = tuple(entry.model_copy(update={"backbone": key}) for entry in manifest.members)
    reseal(copy, backbones={key: "0" * 64}, members=members)
    with pytest.raises(BundleError, match="may lead out of the bundle"):
        load_system(copy)


def test_weights_that_are_not_listed(copy: Path) -> None:
    """`manifest.json` itself has no hash in the manifest, so it can be no part of a system."""
    manifest = read_manifest(copy)
    first = manifest.members[0].model_copy(update={"weights": "manifest.json"})
    reseal(copy, members=(first, *manifest.members[1:]))
    with pytest.raises(BundleError, match=r"lists no hash of: manifest\.json"):
        load_system(copy)


@pytest.mark.parametrize("name", [HEAD, BACKBONE, "policy.json", "manifest.json"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_file_replaced_by_a_link(copy: Path, name: str, inside: bool) -> None:
    """Even to the same bytes, and even where the link stays in the folder."""
    target = (copy if inside else copy.parent) / "target"
    shutil.move(copy / name, target)
    (copy / name).symlink_to(target)
    with pytest.raises(BundleError, match="has symbolic links in it") as caught:
        load_system(copy)
    assert name in str(caught.value)


def test_a_folder_replaced_by_a_link(copy: Path) -> None:
    shutil.move(copy / "members", copy.parent / "members")
    (copy / "members").symlink_to(copy.parent / "members", target_is_directory=True)
    with pytest.raises(BundleError, match="has symbolic links in it: members"):
        load_system(copy)


def test_additional_links(copy: Path) -> None:
    (copy / "broken").symlink_to(copy / "nothing")
    (copy / "members" / "up").symlink_to(copy.parent, target_is_directory=True)
    with pytest.raises(BundleError, match="links in it: broken, members/up"):
        load_system(copy)


def test_a_pipe(copy: Path) -> None:
    os.mkfifo(copy / "pipe")
    with pytest.raises(BundleError, match="pipes, sockets or devices in it: pipe"):
        load_system(copy)


def test_a_file_that_is_not_listed_is_not_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "extra").write_bytes(b"x")
    read: list[Path] = []
    monkeypatch.setattr(
        "triage.systems.bundle_files.hash_file", lambda path: read.append(path) or "0" * 64
    )
    with pytest.raises(BundleError, match="extra"):
        verify_bundle(copy)
    assert copy / "extra" not in read


def test_a_link_to_the_bundle_itself_is_followed(copy: Path) -> None:
    """Such as `current`, which names the bundle in use; the digest says which it is."""
    link = copy.parent / "current"
    link.symlink_to(copy, target_is_directory=True)
    assert verify_bundle(link) == verify_bundle(copy)


def test_a_file_replaced_while_the_bundle_is_loaded(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the hash and the use of the weights."""
    load_weights = files.load_weights

    def swap_and_load(path: Path) -> Any:
        if path == copy / HEAD:
            shutil.copy(copy / OTHER_HEAD, path)
        return load_weights(path)

    monkeypatch.setattr(files, "load_weights", swap_and_load)
    with pytest.raises(BundleError, match=HEAD):
        load_system(copy)
