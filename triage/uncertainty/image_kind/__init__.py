"""Whether a picture is of the kind that a system was trained on; NumPy only."""

from triage.uncertainty.image_kind.file import load_image_kind, save_image_kind
from triage.uncertainty.image_kind.image_kind import (
    ImageKind,
    ImageKindSummary,
    Pictures,
    fit_image_kind,
)

__all__ = [
    "ImageKind", "ImageKindSummary", "Pictures", "fit_image_kind", "load_image_kind",
    "save_image_kind",
]  # fmt: skip
