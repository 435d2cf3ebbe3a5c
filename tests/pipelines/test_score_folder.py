"""`triage score --out FOLDER`: shards, storing, and the same verb again."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.command import Command, stored
from tests.tiny import TinyBundle
from triage.predictions import Predictions


def test_a_folder_is_written_stored_and_continued(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, database: str, triage: Command
) -> None:
    (inbox.parent / "3.png").write_bytes(b"")
    out = tmp_path / "scored"
    given = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out, "--shard-size", "2", "--db", database,
    )  # fmt: skip
    first = triage(*given, "--json")
    assert first.code == 3
    assert first.json["counts"] == {"read": 4, "rejected": 1, "empty": 1}
    assert first.json["shards"] == {"all": 3, "kept": 0}
    assert first.json["stored"] == 5
    assert stored(database) == (5, 5)
    assert list(Predictions.load(out).cases["case_id"]) == ["a", "b", "d", "e"]
    again = triage(*given)
    assert again.code == 3
    assert f"listed in {out / 'rejected.csv'}" in again.out.replace("\n", "")
    assert stored(database) == (5, 5)
    assert triage(*given, "--json").json["shards"] == {"all": 3, "kept": 3}


def test_options_that_do_not_fit_together(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, triage: Command
) -> None:
    given = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "scored",
    )  # fmt: skip
    for options, words in (
        (("--engine", "lokal"), "Did you mean local?"),
        (("--engine", "local", "--workers", "2"), "one task at a time"),
        (("--address", "127.0.0.1:1"), "the address of a Ray cluster"),
    ):
        found = triage(*given, *options)
        assert found.code == 2
        assert words in found.err.replace("\n", " ")
    assert not (tmp_path / "scored").exists()
