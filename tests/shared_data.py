"""The folder of shared data beside the checkout, which tests of real data need."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
