"""What tests of runtimes need of the machine."""

from __future__ import annotations

import pytest

from triage.backbones.runtime.execution import Execution
from triage.errors import TriageError
from triage.extras import is_installed

# Nobody may import the package before ours does, which keeps its telemetry out.
needs_openvino = pytest.mark.skipif(
    not is_installed("openvino"), reason="the extra openvino is not installed"
)


def skip_unless_offered(execution: Execution) -> None:
    """Skip a test where the machine does not offer a runtime or a precision."""
    try:
        execution.check()
    except TriageError as error:
        pytest.skip(str(error))
