"""Settings of an engine, and the executor that they describe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.engine.executor import Executor
from triage.engine.local import LocalExecutor
from triage.engine.processes import ProcessExecutor
from triage.engine.ray_cluster import RayExecutor

EngineName = Literal["local", "processes", "ray"]


class EngineSettings(BaseModel):
    """Where work runs.

    Parameters
    ----------
    engine : {'local', 'processes', 'ray'}
    workers : int
        Tasks at once.
    address : str, optional
        Of a running Ray cluster; without it Ray is started on this machine, on loopback.
    threads : int
        Threads of each task. With one, results are the same on every engine.
    retries : int
        How often a task is tried again whose worker was killed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineName = "local"
    workers: Annotated[int, Field(ge=1)] = 1
    address: str | None = None
    threads: Annotated[int, Field(ge=1)] = 1
    retries: Annotated[int, Field(ge=0)] = 2


def open_executor(settings: EngineSettings | None = None) -> Executor:
    """Return the executor of some settings; by default the local one.

    Raises
    ------
    MissingExtraError
        If Ray is asked for and not installed.
    EngineError
        If the address does not answer.
    """
    settings = settings or EngineSettings()
    if settings.engine == "local":
        return LocalExecutor(settings.workers)
    how = {"threads": settings.threads, "retries": settings.retries}
    if settings.engine == "processes":
        return ProcessExecutor(settings.workers, **how)
    return RayExecutor(settings.workers, address=settings.address, **how)
