"""A case's OCT volume on the page: read within limits, shown blind, then with its reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, TriageError
from triage.hashing import hash_file
from triage.oct_imaging import OctVolume
from triage.oct_reading import OctReading
from triage.review import Opinion
from triage.store import ReadingRecord
from triage.store.records import ImageRecord, StoredCase
from ui import oct_viewer
from ui.files import CHANGED, NOT_RECORDED, OUTSIDE, place_of
from ui.oct_pictures import begins_above, describe_volume
from ui.oct_reasons import describe_reading
from ui.parcel import Parcel
from ui.words import escape

_VOLUME, _PAYLOAD = "oct volume", "oct payload"
_NO_OPINION = "The AI gave no opinion on this scan, and its tissue map may be wrong."


def show(case: StoredCase, opinion: Opinion | None) -> None:
    """Draw a case's volume, and the reading where the AI's opinion has been revealed.

    Parameters
    ----------
    case : StoredCase
    opinion : Opinion, optional
        What `triage.review.reveal` handed out; None before the first read is locked, and
        nothing of the AI is then on its way to the browser.
    """
    if not case.images:
        st.warning("This case has no volume.", icon=":material/hide_image:")
        return
    image = _chosen(case)
    volume = _volume(case.id, image)
    if isinstance(volume, str):
        st.warning(f"The volume cannot be shown: {escape(volume)}", icon=":material/hide_image:")
        return
    reading = None
    if opinion is not None and opinion.reading is not None:
        found = read_reading(opinion.reading, volume)
        if isinstance(found, str):
            st.warning(f"The AI's reading cannot be shown: {found}", icon=":material/hide_image:")
        else:
            reading = found
    notes = [NOT_RECORDED] if image.sha256 is None else []
    oct_viewer.show(_payload(case.id, volume, reading, opinion, notes), key=f"oct-{case.id}")


def read_scan(image: ImageRecord) -> OctVolume | str:
    """Read a volume, or say why it cannot be shown.

    The words name no file, because file names can name patients.
    """
    path = place_of(image)
    if path is None:
        return OUTSIDE
    try:
        volume = read_volume(path, root=image.root)
    except ImageRejected as refusal:
        return refusal.what
    if image.sha256 is not None and volume.sha256 != image.sha256:
        return CHANGED
    return volume


def read_reading(place: ReadingRecord, volume: OctVolume) -> OctReading | str:
    """Load a volume's reading, or say why it cannot be shown."""
    path = Path(place.path)
    try:
        if hash_file(path) != place.sha256:
            return "its file has changed since the case was scored."
        reading = OctReading.load(path)
        if hash_file(path) != place.sha256:  # replaced between the two
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


def _chosen(case: StoredCase) -> ImageRecord:
    if len(case.images) == 1:
        return case.images[0]
    names = [f"Volume {n} of {len(case.images)}" for n in range(1, len(case.images) + 1)]
    chosen = st.segmented_control("Volume", names, default=names[0], key=f"volume-{case.id}")
    return case.images[names.index(chosen or names[0])]


def _volume(case_id: int, image: ImageRecord) -> OctVolume | str:
    """Return a volume, decoded once a session; only the open one is kept."""
    kept = st.session_state.get(_VOLUME)
    if kept is None or kept[0] != (case_id, image):
        with st.spinner("Opening the volume"):
            kept = st.session_state[_VOLUME] = ((case_id, image), read_scan(image))
    found: OctVolume | str = kept[1]
    return found


def _payload(
    case_id: int,
    volume: OctVolume,
    reading: OctReading | None,
    opinion: Opinion | None,
    notes: list[str],
) -> bytes:
    """Return what the viewer is sent, made once; only the open case's is kept.

    `notes` are doubts about the file, shown with those about the volume.
    """
    with_opinion = reading is not None and opinion is not None and not opinion.abstained
    reading_hash = opinion.reading.sha256 if reading and opinion and opinion.reading else ""
    identity = f"{case_id} {volume.sha256} {reading_hash} {with_opinion}{' noted' if notes else ''}"
    kept = st.session_state.get(_PAYLOAD)
    if kept is None or kept[0] != identity:
        parcel = Parcel()
        header = describe_volume(volume, parcel)
        header["warnings"] = [*notes, *header["warnings"]]
        header |= {"id": identity, "case": f"{case_id} {volume.sha256}", "reading": None}
        if reading is not None:
            header["reading"] = told = describe_reading(
                reading,
                parcel,
                with_opinion=with_opinion,
                superior_first=begins_above(volume),
            )
            doubts = [] if with_opinion else [_NO_OPINION]
            doubts += [*header["warnings"], *told.pop("warnings")]
            header["warnings"] = list(dict.fromkeys(doubts))
        kept = st.session_state[_PAYLOAD] = (identity, parcel.seal(header))
    payload: bytes = kept[1]
    return payload
