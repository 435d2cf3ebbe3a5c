"""The verb that turns a checkpoint of PyTorch into a safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Json, say


def convert_checkpoint(
    file: Annotated[Path, typer.Argument(help="Checkpoint of PyTorch (.pth).", metavar="FILE")],
    out: Annotated[Path, typer.Argument(help="Safetensors file to write.", metavar="OUT")],
    trust: Annotated[
        bool,
        typer.Option("--trust-checkpoint", help="Read the file, which is a pickle."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the tensors of a checkpoint as a safetensors file, which cannot contain code.

    Example: triage convert-checkpoint a.pth a.safetensors --trust-checkpoint
    """
    from triage.backbones.convert_checkpoint import convert_checkpoint as convert
    from triage.errors import UsageError

    if out.suffix != ".safetensors":
        raise UsageError(
            "the name does not end in .safetensors", where=str(out), hint="Give another name."
        )
    try:
        convert(file, out, trust=trust)
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(out), hint="Give another place."
        ) from error
    say(as_json, {"out": str(out)}, f"written to {out}")
