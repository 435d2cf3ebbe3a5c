"""A list of cases that wait for one kind of work of a reader, in the order of waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import streamlit as st

from ui import frame
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, case_address
from ui.image_address import PictureSize, image_address
from ui.session import CaseWorkKind, go_to_case, go_to_worklist
from ui.words import duration, plural

_SHOWN = 100


class WaitingCase(Protocol):
    """What a list needs to know of a case."""

    @property
    def case_id(self) -> int:
        """Number of the case."""

    @property
    def external_id(self) -> str:
        """Name of the case in its source."""

    @property
    def source(self) -> str:
        """Where the case comes from."""

    @property
    def received_at(self) -> datetime:
        """With a time zone."""


_Case = TypeVar("_Case", bound=WaitingCase)


def show_waiting(
    title: str,
    look_up: Callable[[], Sequence[_Case]],
    work: CaseWorkKind,
    *,
    key: str,
    label: str,
    none: str,
    about: str,
    fact: tuple[str, Callable[[_Case], str]],
    action: Callable[[_Case], str],
) -> None:
    """Draw a page with the cases that wait, the longest wait first.

    Parameters
    ----------
    title : str
    look_up : callable
        Returns the cases.
    work : CaseWorkKind
        As what a case is opened.
    key, label : str
        Of the list: its key, and its name for screen readers.
    none : str
        What is said where no case waits.
    about : str
        Sentences that follow the number of cases.
    fact : tuple
        Heading of the column before the waiting time, and what it says of a case.
    action : callable
        What opening a case is called.
    """
    frame.name_window(title)
    st.title(title, anchor=False)
    with st.spinner("Looking up the cases…", show_time=False):
        waiting = look_up()
    if not waiting:
        st.info(none, icon=":material/inbox:")
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
        return
    st.caption(f"{plural(len(waiting), 'case', 'cases')}, the longest wait first. {about}")
    now = datetime.now(UTC)
    heading, said = fact
    rows = [
        CaseRow(
            case_id=one.case_id,
            title=one.external_id,
            subtitle=one.source,
            columns=(Fact(said(one)), Fact(duration(now - one.received_at))),
            action=action(one),
            href=case_address(one.case_id, work),
            picture=image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
            picture_text="First image",
        )
        for one in waiting[:_SHOWN]
    ]
    headings = (Heading("Case", 2.0), Heading(heading), Heading("Waiting"))
    case_rows.show(rows, headings, key, partial(go_to_case, work=work), label)
    if len(waiting) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(waiting)} cases.")
