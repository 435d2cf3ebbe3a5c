"""Registry of criteria: the losses that a head's softmax can be trained with."""

from __future__ import annotations

from dataclasses import dataclass

from triage.losses.acls import acls_loss
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.losses.dual_focal import dual_focal_loss
from triage.losses.focal import flsd_loss, focal_loss
from triage.losses.margin_smoothing import margin_smoothing_loss
from triage.losses.soft_binned_ece import soft_binned_ece_loss
from triage.registry import Info, Registry


@dataclass(frozen=True)
class CriterionInfo(Info):
    """A criterion with its description for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    function : callable
        Maps logits [B, C] and classes [B] to the loss of each case [B].
    """

    function: Criterion


_TABLE = (
    CriterionInfo("cross_entropy", "Cross-entropy", "the usual loss", cross_entropy),
    CriterionInfo("focal", "Focal", "Lin et al. 2017", focal_loss),
    CriterionInfo("flsd", "Focal, sample-dependent (FLSD-53)", "Mukhoti et al. 2020", flsd_loss),
    CriterionInfo("dual_focal", "Dual focal", "Tao et al. 2023", dual_focal_loss),
    CriterionInfo(
        "acls", "Adaptive and conditional label smoothing (ACLS)", "Park et al. 2023", acls_loss
    ),
    CriterionInfo(
        "margin_smoothing",
        "Margin-based label smoothing (MbLS)",
        "Liu et al. 2022",
        margin_smoothing_loss,
    ),
    CriterionInfo(
        "soft_binned_ece",
        "Cross-entropy and soft-binned calibration error",
        "Karandikar et al. 2021",
        soft_binned_ece_loss,
    ),
)

CRITERIA: Registry[CriterionInfo] = Registry("criterion", _TABLE)
"""Every criterion."""
