"""Metrics, one family per module, all computed over case weights; `METRICS` is their registry."""

from triage.evaluation.metrics.metric import Interval, Metric, Need
from triage.evaluation.metrics.registry import METRICS, find_metric

__all__ = ["METRICS", "Interval", "Metric", "Need", "find_metric"]
