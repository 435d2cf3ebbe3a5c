"""Parameters that are excluded from weight decay."""

from __future__ import annotations

from torch import nn


class Undecayed(nn.Parameter):
    """A parameter for which zero is no natural value, such as a factor of other weights."""
