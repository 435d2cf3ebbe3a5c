"""Write the notebooks of the user groups from the examples; outputs are left out.

Run it in the repository after a change of an example: `python examples/build_notebooks.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = {
    "clinician": ("score_photographs", "score_a_data_frame"),
    "governance": ("audit_subgroups",),
    "engineer": ("out_of_distribution_scores", "scores_of_an_ensemble"),
    "quality_officer": ("verify_and_export",),
}
"""Examples of each notebook, in order."""
CODE, TEXT = "# %%", "# %% [markdown]"


def cells(example: str) -> list[tuple[str, str]]:
    """Return the (kind, content) of each cell of an example; kind is code or markdown."""
    found: list[tuple[str, list[str]]] = []
    for line in (FOLDER / f"{example}.py").read_text(encoding="utf-8").splitlines():
        if line in (CODE, TEXT):
            found.append(("code" if line == CODE else "markdown", []))
        elif found:
            kind, lines = found[-1]
            lines.append(line.removeprefix("#").removeprefix(" ") if kind == "markdown" else line)
    return [(kind, "\n".join(lines).strip("\n")) for kind, lines in found]


def notebook(name: str) -> str:
    """Return a notebook in nbformat 4.5, without outputs."""
    content = []
    for example in NOTEBOOKS[name]:
        for number, (kind, text) in enumerate(cells(example)):
            cell = {
                "cell_type": kind,
                "id": f"{example}-{number}".replace("_", "-"),
                "metadata": {},
                "source": text.splitlines(keepends=True),
            }
            if kind == "code":
                cell |= {"execution_count": None, "outputs": []}
            content.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": content,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every notebook."""
    for name in NOTEBOOKS:
        (FOLDER / f"{name}.ipynb").write_text(notebook(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
