"""The description of a modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.modality import Modality


@dataclass(frozen=True)
class ModalityDescription:
    """What the rest of the software needs to know of a kind of case.

    Parameters
    ----------
    modality : Modality
    title : str
        What a system of this kind reads, in the plural.
    cases, classes : str
        What cases and the classes of a system are called in reports, in the plural.
    devices : str
        What takes the images, in the plural.
    default_shifts : tuple of str
        Corruptions that a benchmark applies when none is named, as `corruption:severity`.
    volumes : bool
        Whether a case is one volume, a file or a folder, and not several pictures.
    diagnoses : mapping of str to str
        Diagnoses of a case by key, with their titles; several may be true of one case. Empty
        where the conditions of the data spec are the diagnoses.
    reported_reasons : tuple of AbstainReason
        Reasons for abstaining that reports list even where no case abstained for them.
    """

    modality: Modality
    title: str
    cases: str
    classes: str
    devices: str
    default_shifts: tuple[str, ...]
    volumes: bool = False
    diagnoses: Mapping[str, str] = field(default_factory=dict)
    reported_reasons: tuple[AbstainReason, ...] = ()

    @property
    def intended_use(self) -> str:
        """The intended use of a system that reads such cases, as its bundle states it."""
        return (
            f"Decision support for clinicians who triage {self.title} of the kind it was trained "
            "on. It is research software, not a medical device: every recommendation is reviewed "
            "by a person. It does not know other conditions than it lists, and is meant to say so."
        )
