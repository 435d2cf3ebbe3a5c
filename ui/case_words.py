"""What the images and cases of a modality are called on the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseWords:
    """Words that differ between modalities.

    Parameters
    ----------
    image, images : str
        One image of a case and several, such as 'photograph' and 'photographs'.
    cases : str
        What a natural frequency counts: 'about 75 of 100 such cases'.
    uncertainty : str
        Beginning of the sentence on uncertainty.
    ambiguous : str
        Why even models that agree are uncertain, as a clause.
    """

    image: str
    images: str
    cases: str
    uncertainty: str
    ambiguous: str
