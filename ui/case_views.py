"""How the page shows the cases of each modality; the only place in `ui` that names modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from triage.modalities import MODALITIES
from triage.review import Opinion
from triage.store.records import StoredCase
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.modality import Modality
from ui import oct_volume, pictures
from ui.case_words import CaseWords


@dataclass(frozen=True)
class CaseView:
    """How cases of one modality are shown.

    Parameters
    ----------
    words : CaseWords
    show_images : callable
        Draws the images of a case. Called with `None` in place of the opinion until the reader's
        first read is locked; afterwards it may add what the system found in the images.
    concurrent : bool
        Whether several diagnoses may be true of one case, so that each is counted by itself.
    listed_reasons : mapping of AbstainReason to str
        Reasons that the card of an abstention lists with a mark at the one that applies. Empty
        where the card shows only that one.
    columns : tuple of int
        Relative widths of the images and of the panel beside them.
    """

    words: CaseWords
    show_images: Callable[[StoredCase, Opinion | None, CaseWords], None]
    concurrent: bool = False
    listed_reasons: Mapping[AbstainReason, str] = field(default_factory=dict)
    columns: tuple[int, int] = (3, 2)


CASE_VIEWS: dict[Modality, CaseView] = {
    Modality.PHOTOGRAPHS: CaseView(
        words=CaseWords(
            image="photograph",
            images="photographs",
            cases="cases",
            uncertainty="Doubt between those it knows",
            ambiguous="the picture fits several",
        ),
        show_images=pictures.show,
    ),
    Modality.OCT_BSCANS: CaseView(
        words=CaseWords(
            image="B-scan",
            images="B-scans",
            cases="B-scans",
            uncertainty="Doubt between those it knows",
            ambiguous="the B-scan fits several",
        ),
        show_images=pictures.show,
    ),
    Modality.OCT_VOLUMES: CaseView(
        words=CaseWords(
            image="volume",
            images="volumes",
            cases="scans",
            uncertainty="Doubt about the referral",
            ambiguous="the scan fits several referral classes",
        ),
        show_images=oct_volume.show,
        concurrent=True,
        listed_reasons={
            AbstainReason.UNFAMILIAR: "Unfamiliar condition",
            AbstainReason.QUALITY: "Ungradable scan",
            AbstainReason.UNSEEN_DEVICE: "Unseen device",
            AbstainReason.MISSING_METADATA: "Missing scale",
        },
        columns=(2, 1),
    ),
}
"""The view of every modality."""


def modality_title(modality: Modality) -> str:
    """Return what the cases of a modality are made of, such as 'Photographs' or 'OCT volumes'."""
    images = CASE_VIEWS[modality].words.images
    return f"OCT {images}" if MODALITIES[modality].volumes else images[:1].upper() + images[1:]
