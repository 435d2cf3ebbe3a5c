"""The OCT volume of a case: shown without the AI's reading, and with it after the reveal."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st

from triage.errors import TriageError
from triage.hashing import hash_file
from triage.measurements.localizer import begins_above
from triage.oct_imaging import OctVolume
from triage.oct_reading import OctReading
from triage.review import Opinion
from triage.store import URL_VARIABLE, ReadingRecord
from triage.store.cases import cases_of_patient
from triage.store.records import ImageRecord, StoredCase
from ui.case_words import CaseWords
from ui.components import oct_viewer
from ui.image_address import facts_address
from ui.image_files import NOT_RECORDED
from ui.oct_reading_payload import describe_reading
from ui.oct_volume_payload import describe_volume
from ui.payload import Payload
from ui.session import store_at
from ui.shortcuts import OCT_VIEWER, keys_of
from ui.stored_pictures import read_scan
from ui.words import escape

Kept = TypeVar("Kept")
_VOLUME, _PAYLOAD = "oct volume", "oct payload"
_NO_OPINION = "The AI gave no opinion on this scan, and its tissue map may be wrong."


def show(case: StoredCase, opinion: Opinion | None, words: CaseWords) -> None:
    """Draw a case's volume, and its reading once the AI's opinion has been revealed.

    Parameters
    ----------
    case : StoredCase
    opinion : Opinion, optional
        What `triage.review.reveal` returned; None before the first read is locked, when nothing
        of the AI may be sent to the browser.
    words : CaseWords
    """
    if not case.images:
        st.warning(f"This case has no {words.image}.", icon=":material/hide_image:")
        return
    image = _choose_image(case, words)
    volume = _volume(case.id, image)
    if isinstance(volume, str):
        st.warning(
            f"The {words.image} cannot be shown: {escape(volume)}", icon=":material/hide_image:"
        )
        return
    reading = None
    if opinion is not None and opinion.reading is not None:
        found = read_reading(opinion.reading, volume)
        if isinstance(found, str):
            st.warning(f"The AI's reading cannot be shown: {found}", icon=":material/hide_image:")
        else:
            reading = found
    notes = [NOT_RECORDED] if image.sha256 is None else []
    others = other_scans(case, image)
    payload = _payload(case.id, volume, reading, opinion, notes, others)
    oct_viewer.show(payload, key=f"oct-{case.id}")


def other_scans(case: StoredCase, image: ImageRecord) -> list[dict[str, str]]:
    """Return the patient's other scans for the viewer: earlier visits, the fellow eye.

    Parameters
    ----------
    case : StoredCase
    image : ImageRecord
        The volume of the case that is shown.

    Returns
    -------
    list of dict
        ``label`` and ``facts``, the address of what is known of the scan (`ui.image_facts`).
        Nothing of the AI: the scans are those of cases that may not have been read yet.
    """
    with store_at(os.environ.get(URL_VARIABLE)).reading() as session:
        found = [case, *(one.case for one in cases_of_patient(session, case.id))]
    return [
        {
            "label": _scan_label(other, case, position),
            "facts": facts_address(other.id, position),
        }
        for other in found
        if other.modality == case.modality
        for position, volume in enumerate(other.images)
        if volume is not image
    ]


def _scan_label(other: StoredCase, case: StoredCase, position: int) -> str:
    if other.id == case.id:
        return f"This case, volume {position + 1}"
    when = f"{other.received_at:%d %B %Y}"
    if other.visit is not None and case.visit is not None:
        days = other.visit - case.visit
        apart = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
        when = "same day" if days == 0 else f"{apart} {'later' if days > 0 else 'earlier'}"
    eye = f"{other.laterality} eye" if other.laterality else "eye unknown"
    number = f", volume {position + 1}" if len(other.images) > 1 else ""
    return f"{when}, {eye}{number}"


def read_reading(record: ReadingRecord, volume: OctVolume) -> OctReading | str:
    """Load a volume's reading, or return the reason why it cannot be shown."""
    path = Path(record.path)
    try:
        if hash_file(path) != record.sha256:
            return "its file has changed since the case was scored."
        reading = OctReading.load(path)
        if hash_file(path) != record.sha256:  # the file was replaced while it was read
            return "its file has changed since the case was scored."
    except OSError:
        return "its file is missing or cannot be read."
    except (TriageError, ValueError, TypeError):
        return "its file is damaged."
    if not (np.isfinite(reading.referral).all() and np.isfinite(reading.diagnoses).all()):
        return "its file is damaged."
    if reading.facts.volume_sha256 != volume.sha256 or len(reading.tissue) != len(volume.bscans):
        return "it is of another volume."
    return reading


def _choose_image(case: StoredCase, words: CaseWords) -> ImageRecord:
    if len(case.images) == 1:
        return case.images[0]
    name = words.image[:1].upper() + words.image[1:]
    names = [f"{name} {n} of {len(case.images)}" for n in range(1, len(case.images) + 1)]
    chosen = st.segmented_control(name, names, default=names[0], key=f"volume-{case.id}")
    return case.images[names.index(chosen or names[0])]


def _volume(case_id: int, image: ImageRecord) -> OctVolume | str:
    """Return a volume; the session keeps the last ones that were decoded."""

    def read() -> OctVolume | str:
        with st.spinner("Opening the volume"):
            return read_scan(image)

    return _kept(_VOLUME, (case_id, image), read)


def _kept(name: str, key: Hashable, make: Callable[[], Kept]) -> Kept:
    """Return what the session keeps under a key, or make it; the last two are kept.

    Two, so that the open case is still there after another one of the patient was looked at.
    """
    kept: dict[Hashable, Kept] = st.session_state.setdefault(name, {})
    found = kept.pop(key) if key in kept else make()
    kept[key] = found
    while len(kept) > 2:
        del kept[next(iter(kept))]
    return found


def _payload(
    case_id: int,
    volume: OctVolume,
    reading: OctReading | None,
    opinion: Opinion | None,
    notes: list[str],
    others: list[dict[str, str]],
) -> bytes:
    """Return the message to the viewer; the session keeps that of the open case.

    `notes` are warnings about the file, shown with those about the volume; `others` the patient's
    other scans.
    """
    with_opinion = reading is not None and opinion is not None and not opinion.abstained
    reading_hash = opinion.reading.sha256 if reading and opinion and opinion.reading else ""
    identity = f"{case_id} {volume.sha256} {reading_hash} {with_opinion}{' noted' if notes else ''}"
    identity += "".join(f" {other['facts']}" for other in others)

    def make() -> bytes:
        message = Payload()
        header = describe_volume(volume, message)
        header["warnings"] = [*notes, *header["warnings"]]
        header |= {"id": identity, "case": f"{case_id} {volume.sha256}", "reading": None}
        header |= {"others": others, "keys": keys_of(OCT_VIEWER)}
        if reading is not None:
            header["reading"] = described = describe_reading(
                reading,
                message,
                with_opinion=with_opinion,
                superior_first=begins_above(volume),
            )
            warnings = [] if with_opinion else [_NO_OPINION]
            warnings += [*header["warnings"], *described.pop("warnings")]
            header["warnings"] = list(dict.fromkeys(warnings))
        return message.encode(header)

    return _kept(_PAYLOAD, identity, make)
