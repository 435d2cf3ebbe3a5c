"""Write a report: one self-contained HTML page, and the same numbers as JSON."""

from __future__ import annotations

import os
from pathlib import Path

from triage.errors import UsageError
from triage.reports.html import render_html
from triage.reports.model import Report


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, whole or not at all.

    Parameters
    ----------
    report : Report
    folder : Path
        Made if need be.

    Returns
    -------
    (html, json) : paths

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    contents = {"report.html": render_html(report), "report.json": render_json(report)}
    partial = {name: folder / f".{name}.{os.getpid()}.partial" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            partial[name].write_text(content, encoding="utf-8", newline="\n")
        for name, path in partial.items():
            path.replace(folder / name)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror}",
            where=str(folder),
            hint="Choose a folder you may write to.",
        ) from error
    finally:
        if folder.is_dir():
            for path in partial.values():
                path.unlink(missing_ok=True)
    return folder / "report.html", folder / "report.json"


def render_json(report: Report) -> str:
    """Return the report as indented JSON."""
    return report.model_dump_json(indent=2) + "\n"
