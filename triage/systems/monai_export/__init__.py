"""Trained systems as MONAI bundles: networks that MONAI instantiates, weights as safetensors."""

from triage.systems.monai_export.export import MonaiExport, export_monai_bundle

__all__ = ["MonaiExport", "export_monai_bundle"]
