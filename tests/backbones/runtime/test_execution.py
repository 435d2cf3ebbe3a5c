from __future__ import annotations

import pytest

from triage import extras
from triage.backbones.runtime import execution as module
from triage.backbones.runtime.execution import Execution
from triage.errors import MissingExtraError, TrainingError


def test_a_runtime_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda _: False)
    with pytest.raises(MissingExtraError, match=r"openvino.*\[openvino\]"):
        Execution("openvino").check()
    Execution("torch").check()


def test_a_processor_without_bfloat16_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    with pytest.raises(TrainingError, match=r"no bfloat16.*--embedding-precision float32"):
        Execution("torch", "bfloat16").check()
    Execution("torch", "float32").check()


def test_what_is_not_given_stays() -> None:
    fitted = Execution("openvino", "bfloat16")
    assert fitted.replaced(None, None) == fitted
    assert fitted.replaced("torch", None) == Execution("torch", "bfloat16")
    assert fitted.replaced(None, "float32") == Execution("openvino", "float32")


def test_every_execution_but_the_first_has_a_tag_of_its_own() -> None:
    assert Execution().tag() == []
    others = [
        Execution("torch", "bfloat16"),
        Execution("openvino", "float32"),
        Execution("openvino", "bfloat16"),
    ]
    assert len({tuple(other.tag()) for other in others}) == len(others)
