"""Run a network by OpenVINO: converted from the torch module, compiled once a process.

The package sends usage data to its maker when it is imported, unless its module
`openvino_telemetry` is absent. It is made absent here, so that nothing is sent.
"""

from __future__ import annotations

import sys
import warnings
from collections import OrderedDict
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from triage.backbones.runtime.execution import Precision
from triage.errors import TrainingError

CHUNK = 16
"""Frames of one request."""
_TYPES: dict[str, str] = {"float32": "f32", "bfloat16": "bf16"}
_MOST = 16
"""Compiled networks kept; the one that was used longest ago is dropped."""
_compiled: OrderedDict[tuple[str, Precision, int], OpenvinoNetwork] = OrderedDict()


class OpenvinoNetwork:
    """A compiled network.

    Parameters
    ----------
    module : Module
        In evaluation mode; maps uint8 [B, S, S, 3] to [B, width].
    size : int
        Side S of its input, pixels.
    precision : {'float32', 'bfloat16'}
    threads : int
        Requests that run at a time, each on one thread, so that none waits for another.
    reference : str
        How the network is named in errors.

    Raises
    ------
    TrainingError
        If OpenVINO cannot convert the network.
    """

    def __init__(
        self, module: nn.Module, size: int, precision: Precision, threads: int, reference: str
    ) -> None:
        openvino, core = _openvino()
        example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
        try:
            # Tracing warns of branches on sizes, which are fixed here but for the batch.
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                model = openvino.convert_model(
                    module,
                    example_input=example,
                    input=[([-1, size, size, 3], np.uint8)],
                    share_weights=False,  # the module's own may change
                )
            compiled = core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": _TYPES[precision],
                    "INFERENCE_NUM_THREADS": threads,
                    "NUM_STREAMS": threads,
                    # Decoders run beside it: a thread that is bound to a core waits for them.
                    "ENABLE_CPU_PINNING": False,
                },
            )
        except Exception as error:  # of many types, from the tracer and from OpenVINO
            raise TrainingError(
                "OpenVINO cannot convert this network",
                where=reference,
                hint="Use --runtime torch.",
            ) from error
        self._queue = openvino.AsyncInferQueue(compiled, threads)

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames, uint8 [N, S, S, 3] to float32 [N, width]."""
        parts: dict[int, NDArray[np.float32]] = {}

        def keep(request: Any, start: int) -> None:
            parts[start] = request.get_output_tensor(0).data.astype(np.float32)  # a copy

        self._queue.set_callback(keep)
        for start in range(0, len(frames), CHUNK):
            self._queue.start_async({0: frames[start : start + CHUNK]}, start)
        self._queue.wait_all()
        return np.concatenate([parts[start] for start in sorted(parts)])


def compiled_network(
    module: nn.Module, digest: str, *, size: int, precision: Precision, reference: str
) -> OpenvinoNetwork:
    """Compile a network, unless this process has compiled the same one before.

    Parameters
    ----------
    module : Module
        As of `OpenvinoNetwork`.
    digest : str
        Hash of its weights and its preprocessing.
    size, precision, reference
        As of `OpenvinoNetwork`; it gets as many threads as torch has.
    """
    key = (digest, precision, torch.get_num_threads())
    if key not in _compiled:
        _compiled[key] = OpenvinoNetwork(module, size, precision, key[2], reference)
        if len(_compiled) > _MOST:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    return _compiled[key]


def openvino_has_bfloat16() -> bool:
    """Whether OpenVINO finds bfloat16 arithmetic in the processor."""
    _, core = _openvino()
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _openvino() -> tuple[Any, Any]:
    """Import the package without its telemetry; returns it with a core."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino, openvino.Core()
