"""The state of a run: which steps are done, from which inputs, with which outputs.

It lies in a hidden folder beside the bundle that is to be written, one folder a step. A step that
is done is not repeated: its outputs are reused after their hashes have been verified. A step that
was interrupted is done again from its beginning.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError

from triage.atomic_write import whole_file
from triage.errors import TrainingError, TriageError, UsageError
from triage.hashing import hash_file, hash_json
from triage.named_file import MAX_JSON_BYTES
from triage.regular_file import read_regular
from triage.store.base import utc_now

FORMAT: Literal["triage-retrain-1"] = "triage-retrain-1"
_STATE = "state.json"


class RunStateError(TriageError):
    """What an earlier part of the run wrote is missing or altered."""


class StepRecord(BaseModel):
    """A step that is done.

    Parameters
    ----------
    inputs : str
        Hash of everything that it was made from.
    outputs : dict of str
        SHA-256 of every file in the step's folder, by name.
    facts : dict
        What later steps need of it, of plain JSON types.
    finished_at : str
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: str
    outputs: dict[str, str]
    facts: dict[str, Any]
    finished_at: str

    def digest(self) -> str:
        """Return the hash of its inputs, outputs and facts, which later steps are made from."""
        return hash_json([self.inputs, self.outputs, self.facts])


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["triage-retrain-1"] = FORMAT
    request: str
    key: str = ""
    finished: bool = False
    steps: dict[str, StepRecord] = Field(default_factory=dict)


class RunState:
    """The steps of one run, kept in a folder.

    Parameters
    ----------
    folder : Path
        Made when the first step is done.
    request : str
        Hash of what was asked for; a folder of another request is not read.
    """

    def __init__(self, folder: Path, request: str) -> None:
        self.folder = folder
        self._content = _Content(request=request)

    @classmethod
    def open(cls, folder: Path, request: str) -> RunState:
        """Return the state that a folder holds, an empty one where it holds none of the request.

        Raises
        ------
        RunStateError
            If the state cannot be read.
        """
        state = cls(folder, request)
        path = folder / _STATE
        try:
            content = _Content.model_validate_json(read_regular(path, MAX_JSON_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return state
        except (OSError, ValueError, ValidationError) as error:
            raise RunStateError(
                "the state of an earlier run cannot be read",
                where=str(path),
                hint=f"Delete the folder {folder} to begin again.",
            ) from error
        if content.request == request:
            state._content = content
        return state

    @property
    def key(self) -> str:
        """Key of the run, '' before its data are known."""
        return self._content.key

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return self._content.finished

    @property
    def steps(self) -> dict[str, StepRecord]:
        """The steps that are done, by name."""
        return dict(self._content.steps)

    def begin(self, key: str) -> None:
        """Go on with a run, or discard the steps of one that had other data or settings."""
        if self._content.key != key:
            self._content = _Content(request=self._content.request, key=key)
            shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, step: str) -> Path:
        """Return the folder of a step."""
        return self.folder / step

    def step(self, name: str, inputs: Any, work: Callable[[Path], dict[str, Any]]) -> StepRecord:
        """Do a step, or return its record if it was done from the same inputs.

        Parameters
        ----------
        name : str
        inputs : object of plain JSON types
            The key of the run and the digests of the steps before are added.
        work : callable
            Writes the step's files into the folder that it is given, and returns its facts.

        Raises
        ------
        RunStateError
            If a file of the step is missing or was altered since.
        TrainingError
            If its files cannot be written.
        """
        digest = hash_json([name, self.key, inputs])
        done = self._content.steps.get(name)
        if done is not None and done.inputs == digest:
            self._verify(name, done)
            return done
        folder = self.place(name)
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            facts = work(folder)
            record = StepRecord(
                inputs=digest,
                outputs=_hashes(folder),
                # As they will be read again.
                facts=json.loads(json.dumps(facts)),
                finished_at=utc_now().isoformat(timespec="seconds"),
            )
            self._content.steps[name] = record
            self._write()
        except (OSError, SafetensorError, UsageError) as error:
            if isinstance(error, UsageError) and not self._is_own(error):
                raise
            reason = getattr(error, "strerror", None) or "the disk may be full"
            raise TrainingError(
                f"the step {name} could not be written: {reason}",
                where=str(self.folder.parent),
                hint="Nothing was stored of it. Free some space, and give the same command again.",
            ) from error
        return record

    def finish(self, *kept: str) -> None:
        """Record that the run has come to its end, and delete the files of all but some steps."""
        self._content.finished = True
        for name, record in self._content.steps.items():
            if name not in kept:
                self._content.steps[name] = record.model_copy(update={"outputs": {}})
        self._write()
        for entry in self.folder.iterdir():
            if entry.is_dir() and entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)

    def verify(self, *names: str) -> None:
        """Check the files of some steps that are done.

        Raises
        ------
        RunStateError
            If a file is missing or was altered.
        """
        for name in names:
            if name in self._content.steps:
                self._verify(name, self._content.steps[name])

    def discard(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_own(self, error: UsageError) -> bool:
        """Whether an error is about a place in the run's folder, which nobody has chosen."""
        return error.where is not None and error.where.startswith(str(self.folder))

    def _verify(self, name: str, record: StepRecord) -> None:
        folder = self.place(name)
        try:
            found = _hashes(folder) if folder.is_dir() else {}
        except OSError as error:
            raise self._altered(name, "cannot be read") from error
        if record.outputs and found != record.outputs:
            missing = sorted(record.outputs.keys() - found.keys())
            raise self._altered(name, f"lacks {missing[0]}" if missing else "was altered")

    def _altered(self, name: str, what: str) -> RunStateError:
        return RunStateError(
            f"the step {name} of this run {what} since it was done",
            where=str(self.place(name)),
            hint=f"Delete the folder {self.folder}, and give the same command again: it begins "
            "from the start.",
        )

    def _write(self) -> None:
        with whole_file(self.folder / _STATE) as partial:
            partial.write_text(self._content.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hash_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
