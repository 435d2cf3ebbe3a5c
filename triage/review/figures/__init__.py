"""Figures of how readers and the AI work together, from the record of reviews alone."""

from triage.review.figures.review_figures import FORMAT, ReviewFigures, review_figures

__all__ = ["FORMAT", "ReviewFigures", "review_figures"]
