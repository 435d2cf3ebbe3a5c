"""Options of every verb whose work can run on several processes or machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triage.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from triage.engine import EngineSettings

Engine = Annotated[
    str | None,
    typer.Option("--engine", help="local, processes or ray; else processes with several workers."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=1024, help="Tasks at once.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", help="host:port of a running Ray cluster, on a trusted network only."
    ),
]


def engine_settings(
    engine: str | None,
    workers: int,
    address: str | None,
    *,
    threads: int = 1,
    local_threads: bool = False,
) -> EngineSettings:
    """Return the settings that the options of a verb state.

    Parameters
    ----------
    engine : str, optional
        `--engine`; by default `processes` with several workers, else `local`.
    workers : int
        `--workers`.
    address : str, optional
        `--address`.
    threads : int
        Threads of each task.
    local_threads : bool
        Whether the verb's tasks can run in threads of one process, so that `local` can have
        several workers.

    Raises
    ------
    UsageError
        If the options do not fit together.
    MissingExtraError
        If Ray is asked for and not installed.
    """
    from typing import get_args

    from triage.engine import EngineName, EngineSettings
    from triage.engine.ray_address import parse_address
    from triage.extras import require_extra

    names: tuple[EngineName, ...] = get_args(EngineName)
    chosen = engine or ("processes" if workers > 1 else "local")
    if chosen not in names:
        raise unknown_name("engine", chosen, names, where="--engine")
    if address is not None:
        parse_address(address)
        if chosen != "ray":
            raise UsageError(
                "is the address of a Ray cluster",
                where="--address",
                hint="Give --engine ray with it, or leave it out.",
            )
    if chosen == "local" and workers > 1 and not local_threads:
        raise UsageError(
            "the local engine runs one task at a time",
            where="--workers",
            hint="Leave out --engine, or give --engine processes.",
        )
    if chosen == "ray":
        require_extra("ray", "--engine ray")
    return EngineSettings.model_validate(
        {"engine": chosen, "workers": workers, "address": address, "threads": threads}
    )
