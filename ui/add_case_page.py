"""Adding a case by its files: photographs together, or one OCT volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from triage.accounts.sessions import Session
from triage.data.case_facts import MAX_AGE
from triage.decoding.file_report import FileReport
from triage.errors import TriageError
from triage.intake.upload_folder import (
    MOST_FILES,
    FileProblem,
    FilesRefused,
    GivenFile,
    look_at,
    problems_of,
)
from triage.intake.uploaded_case import (
    LONGEST_NAME,
    AddedCase,
    CaseFacts,
    add_uploaded_case,
    possible_modalities,
    warnings_on,
)
from triage.modalities import MODALITIES
from triage.printable import printable
from triage.review import worklist_sites
from triage.review.worklist_query import policies_by_source
from triage.store import Store
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from ui.case_views import modality_title
from ui.session import go_to_case, go_to_worklist, serving_settings
from ui.settings import LARGEST_FILE_MB, SHORTCUT
from ui.words import escape

_ADDED, _ROUND, _LOOKED = "added case", "added cases", "looked at files"
_SEXES = {"female": "Female", "male": "Male", "other": "Other"}
_SKIN_TYPES = ("I", "II", "III", "IV", "V", "VI")
_EYES = {Laterality.RIGHT: "Right", Laterality.LEFT: "Left"}
_EYE_CODES = {"R": Laterality.RIGHT, "L": Laterality.LEFT}
_STYLE = """
<style>
  [data-testid="stFileUploaderDropzone"] { min-height: 6.5rem; }
</style>
"""
_UNSCORED = (
    "No system has scored it, so it waits in the class of the cases on which the AI abstains, and "
    "its readers get no opinion of the AI until it is scored (`triage score`)."
)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in the files that are on the page."""

    identity: tuple[str, ...]
    reports: tuple[FileReport, ...] = ()
    problems: tuple[FileProblem, ...] = ()


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    st.button("Back to the worklist", icon=":material/arrow_back:", on_click=go_to_worklist)
    st.title("Add a case", anchor=False)
    folder = serving_settings().uploads
    if folder is None:
        st.info(
            "This server takes no files: it has no folder to keep them in. Whoever starts it names "
            "one with `triage ui --uploads FOLDER`. Until then, cases are added on the command "
            "line with `triage score`.",
            icon=":material/cloud_off:",
        )
        return
    with st.container(width=760):
        before = st.container()
        st.html(_STYLE)
        files = st.file_uploader(
            "Drag the photographs of one case here, or one OCT volume",
            accept_multiple_files=True,
            key=f"files {_round()}",
            help=f"At most {MOST_FILES} files of {LARGEST_FILE_MB} MB. Their content says what "
            "they are. Their names are not kept, since they may identify a patient.",
        )
        if not files:
            with before:
                _say_what_was_added()
            return
        st.session_state.pop(_ADDED, None)
        given = [GivenFile(file.name, file.getvalue()) for file in files]
        looked = _look(folder, files, given)
        _say_what_they_are(given, looked)
        possible = possible_modalities(looked.reports)
        if looked.problems:
            return
        if not possible:
            st.error(
                "An OCT volume is a case of its own: give one volume, or pictures only.",
                icon=":material/error:",
            )
            return
        facts = _ask(store, possible, looked.reports)
    if facts is not None:
        _add(store, session, folder, given, facts)


def _round() -> int:
    """Return a number that grows with each case, so that the next one has fields of its own."""
    return int(st.session_state.get(_ROUND, 0))


def _say_what_was_added() -> None:
    added: AddedCase | None = st.session_state.get(_ADDED)
    if added is None:
        return
    name = escape(added.name)
    if added.was_there:
        st.info(
            f"These files are stored already, as case **{name}**. Nothing was added.",
            icon=":material/content_copy:",
        )
    else:
        st.success(f"Case **{name}** is stored. {_UNSCORED}", icon=":material/check_circle:")

    def open_it() -> None:
        st.session_state.pop(_ADDED, None)
        go_to_case(added.case_id)

    st.button(f"Open case {name}", icon=":material/arrow_forward:", on_click=open_it)
    st.caption("Or add another one.")


def _look(folder: Path, files: Sequence[Any], given: Sequence[GivenFile]) -> _Looked:
    """Return what the files are; the session keeps it while they are the same."""
    identity = tuple(str(file.file_id) for file in files)
    kept: _Looked | None = st.session_state.get(_LOOKED)
    if kept is None or kept.identity != identity:
        with st.spinner("Looking at the files"):
            try:
                reports = look_at(folder, given)
                kept = _Looked(identity, reports, tuple(problems_of(reports)))
            except FilesRefused as refusal:
                kept = _Looked(identity, problems=refusal.problems)
        st.session_state[_LOOKED] = kept
    return kept


def _say_what_they_are(given: Sequence[GivenFile], looked: _Looked) -> None:
    for report, file in zip(looked.reports, given, strict=False):
        if report.readable:
            volume = report.volume
            what = f"{report.width} by {report.height} pixels. {report.message}"
            if volume is not None:
                what = f"OCT volume of {volume.bscans} B-scans. {report.message}"
            st.markdown(f":material/check: **{escape(file.name)}**: {escape(what)}")
    _say_problems(looked.problems, given)


def _say_problems(problems: Sequence[FileProblem], given: Sequence[GivenFile]) -> None:
    for problem in problems:
        name = "" if problem.position is None else f"**{escape(given[problem.position].name)}**: "
        st.error(f"{name}{escape(problem.what)}", icon=":material/error:")
    if problems:
        st.caption("Remove or replace these files above; nothing was stored.")


def _ask(
    store: Store, possible: Sequence[Modality], reports: Sequence[FileReport]
) -> CaseFacts | None:
    """Draw the form; return what was stated once it was sent."""
    key = f"case {_round()}"
    with st.form(key, border=True, enter_to_submit=False):
        modality = st.segmented_control(
            "What the files show",
            list(possible),
            default=possible[0],
            format_func=modality_title,
            required=True,
            key=f"{key} modality",
        )
        sites = _sites(store)
        site = st.selectbox(
            "Site",
            sites,
            index=0 if len(sites) == 1 else None,
            format_func=printable,
            accept_new_options=True,
            placeholder="Choose, or type the name of a new one",
            key=f"{key} site",
        )
        left, right = st.columns(2)
        patient = left.text_input(
            "Patient's pseudonym",
            max_chars=LONGEST_NAME,
            placeholder="No name, no date of birth",
            help="The same for all cases of one patient. Without one the case stands alone.",
            key=f"{key} patient",
        )
        case = right.text_input(
            "Name of the case (optional)",
            max_chars=LONGEST_NAME,
            placeholder="Made if you give none",
            key=f"{key} case",
        )
        age = left.number_input(
            "Age in years (optional)",
            min_value=0,
            max_value=int(MAX_AGE),
            value=None,
            step=1,
            key=f"{key} age",
        )
        sex = right.selectbox(
            "Sex (optional)",
            list(_SEXES),
            index=None,
            format_func=_SEXES.__getitem__,
            placeholder="Not stated",
            key=f"{key} sex",
        )
        groups = {"sex": sex or ""}
        eye = None
        if MODALITIES[possible[0]].volumes:
            eye = _ask_eye(left, reports, key)
        else:
            groups["body_site"] = left.text_input(
                "Body site (optional)", max_chars=LONGEST_NAME, key=f"{key} body site"
            )
            groups["skin_type"] = (
                right.selectbox(
                    "Skin type, Fitzpatrick (optional)",
                    _SKIN_TYPES,
                    index=None,
                    placeholder="Not stated",
                    key=f"{key} skin type",
                )
                or ""
            )
        sent = st.form_submit_button(
            "Add the case", type="primary", icon=":material/add:", shortcut=SHORTCUT
        )
    if not sent:
        return None
    return CaseFacts(site or "", modality, case, patient, age, eye, groups)


def _ask_eye(
    place: st.delta_generator.DeltaGenerator, reports: Sequence[FileReport], key: str
) -> Laterality | None:
    volume = reports[0].volume
    stated = _EYE_CODES.get(volume.laterality or "") if volume is not None else None
    eyes = list(_EYES)
    chosen: Laterality | None = place.selectbox(
        "Eye",
        eyes,
        index=None if stated is None else eyes.index(stated),
        format_func=_EYES.__getitem__,
        placeholder="Not stated",
        help="As the file states it, where it does." if stated is not None else None,
        key=f"{key} eye",
    )
    return chosen


def _sites(store: Store) -> list[str]:
    """Return the sites that have waiting cases or a policy of their own."""
    with store.reading() as reading:
        known = set(policies_by_source(reading))
    return sorted(known | {site.source for site in worklist_sites(store)})


def _add(
    store: Store, session: Session, folder: Path, given: Sequence[GivenFile], facts: CaseFacts
) -> None:
    if not facts.source.strip():
        st.error("Choose the site that the case comes from.", icon=":material/error:")
        return
    try:
        with st.spinner("Storing the case"):
            added = add_uploaded_case(store, folder, given, facts, session.actor)
    except FilesRefused as refusal:
        _say_problems(refusal.problems, given)
        return
    except TriageError as refusal:
        st.error(escape(str(refusal)), icon=":material/error:")
        return
    st.session_state[_ADDED] = added
    st.session_state[_ROUND] = _round() + 1
    st.session_state.pop(_LOOKED, None)
    for warning in warnings_on(facts):
        st.toast(escape(warning), icon=":material/warning:", duration="infinite")
    st.rerun()
