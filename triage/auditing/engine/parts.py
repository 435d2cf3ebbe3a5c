"""Finished parts of an audit, kept so that an interrupted one goes on from them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.atomic_write import whole_file
from triage.hashing import hash_json
from triage.regular_file import open_regular

Part = TypeVar("Part", bound=BaseModel)


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    sha256: str
    part: str


class Parts:
    """Parts of one audit in a folder, or nowhere.

    Parameters
    ----------
    folder : Path, optional
    key : str
        Hash of all that the parts depend on: those of another key are not used.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.folder = folder
        self.key = key

    def get(self, name: str, kind: type[Part]) -> Part | None:
        """Return a part that was kept whole; None where there is none."""
        if self.folder is None:
            return None
        try:
            with open_regular(self._path(name)) as stream:
                found = _Envelope.model_validate_json(stream.read())
            if found.key == self.key and found.sha256 == hash_json(found.part):
                return kind.model_validate_json(found.part)
        except (OSError, ValidationError):
            pass
        return None

    def put(self, name: str, part: BaseModel) -> None:
        """Keep a part.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.folder is None:
            return
        text = part.model_dump_json()
        kept = _Envelope(key=self.key, sha256=hash_json(text), part=text)
        with whole_file(self._path(name)) as path:
            path.write_text(kept.model_dump_json(), encoding="utf-8")

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{hash_json([self.key, name])[:32]}.json"
