"""The packages of the extra `weights`: whether they are installed, and their absence."""

from __future__ import annotations

import pytest

from triage.extras import EXTRAS, missing_modules

installed = pytest.mark.skipif(
    bool(missing_modules("weights")),
    reason="the packages of the extra [weights] are not installed",
)


class Refuse:
    """Put first in `sys.meta_path`: finds none of the packages, as if they were not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in EXTRAS["weights"]:
            raise ModuleNotFoundError(name)
