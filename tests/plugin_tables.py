"""Tables of the documentation from the registries; `python -m tests.plugin_tables` renews them."""

from __future__ import annotations

from pipelines.cli.list import registry
from tests.oct_tables import renew_tables
from tests.pages import DOCS

PAGES = {
    "training": ("backbones", "heads", "losses", "mixings", "posteriors"),
    "learning_loop": ("strategies",),
    "benchmark": ("scores", "calibrators", "conformal", "corruptions"),
}
"""The kinds whose tables a page has."""

if __name__ == "__main__":
    for page, kinds in PAGES.items():
        path = DOCS / f"{page}.md"
        tables = (lambda kind=kind: registry(kind).markdown().rstrip() for kind in kinds)
        path.write_text(renew_tables(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
