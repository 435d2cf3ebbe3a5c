"""The verb that measures a system on another device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import (
    Config,
    Json,
    OptionalRoot,
    Spec,
    bars,
    say,
)


def transfer(
    spec: Spec,
    root: OptionalRoot = None,
    new_root: Annotated[
        Path | None, typer.Option("--new-root", help="Folder of the new device's data.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for both bundles and the table.")
    ] = Path("transfer"),
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="A system trained on the old device.")
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Annotated volumes of the new device, as a share of the old's."
        ),
    ] = 0.1,
    cases: Annotated[
        int | None, typer.Option(min=100, help="Phantoms to generate of each device.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure a system on another device, teach stage 1 that device, and measure again.

    Example: triage transfer --spec data_specs/oct_phantoms.yaml --out transfer
    """
    from pipelines.terminal.oct_tables import transfer_table
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.settings import oct_settings
    from triage.learning.transfer import save_transfer
    from triage.learning.transfer import transfer as run
    from triage.phantoms.generators import device_folders

    chosen = load_spec(spec)
    settings = oct_settings(config)
    with bars(as_json) as report:
        if root is None or new_root is None:
            root, new_root = device_folders(chosen, out, cases, report, root, new_root)
        old, new = (load_dataset(chosen, folder) for folder in (root, new_root))
        found = run(old, new, settings, out, bundle=bundle, share=share, report=report)
    save_transfer(found, out)
    say(
        as_json,
        {"out": str(out), **found.as_json()},
        transfer_table(found),
        f"before adaptation {found.unseen_share:.0%} of the new device's volumes are refused as "
        f"unseen (AUROC {found.unseen_auroc:.3f})",
        f"written to {out}: transfer.json, device/, adapted/",
    )
