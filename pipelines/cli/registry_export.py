"""The verb that exports a trained system as a MONAI bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Bundle, Json, say


def registry_export(
    bundle: Bundle,
    out: Annotated[Path, typer.Option("--out", help="Folder to write; must not exist.")],
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema",
            help="JSON schema that metadata.json must be valid against, such as a copy of MONAI's "
            "meta_schema_20240725.json; nothing is downloaded.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the networks of a trained system as a MONAI bundle, weights as safetensors.

    Example: triage registry export --bundle bundles/a --out exports/a
    """
    from triage.systems.monai_export import export_monai_bundle

    found = export_monai_bundle(bundle, out, schema)
    checked = "" if schema is None else f", metadata valid against {schema}"
    say(
        as_json,
        found.as_json(),
        f"{out}: MONAI bundle of {len(found.networks)} networks{checked}",
        *(
            f"  {one.key}: {one.title}"
            + ("" if one.of_monai else " (built by this software, not by MONAI alone)")
            for one in found.networks
        ),
        f"how MONAI loads it: {out / 'docs' / 'README.md'}",
    )
