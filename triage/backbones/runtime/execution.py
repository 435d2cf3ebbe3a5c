"""The choice of a runtime and of its arithmetic, and whether this machine offers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from triage.errors import TrainingError
from triage.extras import require_extra

RuntimeName = Literal["torch", "openvino"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Execution:
    """How frozen backbones are run; a system's thresholds are fitted with it.

    Parameters
    ----------
    runtime : {'torch', 'openvino'}
    precision : {'float32', 'bfloat16'}
        Arithmetic of the network; embeddings are float32 in any case.
    """

    runtime: RuntimeName = "torch"
    precision: Precision = "float32"

    def __str__(self) -> str:
        return f"{self.runtime} in {self.precision}"

    def replaced(self, runtime: RuntimeName | None, precision: Precision | None) -> Execution:
        """Return this choice with what is given in place of its own."""
        return Execution(runtime or self.runtime, precision or self.precision)

    def check(self) -> None:
        """Check that this machine offers the runtime and the precision.

        Raises
        ------
        MissingExtraError
            If the runtime is not installed; names the extra.
        TrainingError
            If the processor has no bfloat16 arithmetic.
        """
        if self.runtime == "openvino":
            require_extra("openvino", "The runtime openvino")
        if self.precision == "bfloat16" and not self._has_bfloat16():
            raise TrainingError(
                "this processor has no bfloat16 arithmetic",
                where=f"the runtime {self.runtime}",
                hint="Use --embedding-precision float32.",
            )

    def _has_bfloat16(self) -> bool:
        if self.runtime == "torch":
            return has_bfloat16()
        from triage.backbones.runtime.openvino_network import openvino_has_bfloat16

        return openvino_has_bfloat16()

    def tag(self) -> list[Any]:
        """Return what distinguishes its embeddings in a cache; nothing for torch in float32."""
        return [] if self == TORCH_FLOAT32 else [self.runtime, self.precision]


TORCH_FLOAT32 = Execution()
"""What systems of earlier releases were fitted with."""


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; emulation is slower than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
