"""The server's process before it answers."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import gc, sys
from ui.serving.server import load_pages
load_pages()
assert {"ui.case_page", "ui.worklist_page"} <= sys.modules.keys()
assert "torch" not in sys.modules
assert gc.get_freeze_count() > 100_000
assert len(gc.get_objects()) < 10_000
"""


def test_pages_are_loaded_and_the_collector_passes_over_them() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
