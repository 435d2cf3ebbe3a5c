"""Sending steps as the panel of a case does, and what was acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

_PAUSE = 0.1
"""Seconds before a step is sent again whose answer was lost."""
_LONGEST_OUTAGE = 180.0


@dataclass(frozen=True, slots=True)
class SentStep:
    """A step and what became of it.

    Parameters
    ----------
    reader : str
    case_id : int
    step : str
        Last part of its address.
    version : int
        Of the case that the reader saw.
    marker : str
        A text that is in this step alone, '' where it has no text.
    refusal : str
        Code of the refusal; '' where it was acknowledged.
    lost : bool
        Whether the answer to a first sending was lost, so that it was sent again.
    """

    reader: str
    case_id: int
    step: str
    version: int
    marker: str
    refusal: str
    lost: bool


@dataclass
class Record:
    """What all readers have sent; used by several threads."""

    steps: list[SentStep] = field(default_factory=list)
    drafts: dict[tuple[int, str], Mapping[str, Any] | None] = field(default_factory=dict)
    """By case and reader the draft that was acknowledged last; None where it has become a step."""
    faults: list[str] = field(default_factory=list)
    """Answers that no step may get."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By step, how long each answer took that came at the first sending."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, sent: SentStep, seconds: float | None = None) -> None:
        """Add a step."""
        with self.lock:
            self.steps.append(sent)
            if seconds is not None:
                self.seconds.setdefault(sent.step, []).append(seconds)

    def fault(self, text: str) -> None:
        """Add a fault."""
        with self.lock:
            self.faults.append(text)


class PanelClient:
    """Sends steps with a reader's session.

    Parameters
    ----------
    address : str
    reader : str
    cookies : mapping of str to str
    record : Record
    """

    def __init__(
        self, address: str, reader: str, cookies: Mapping[str, str], record: Record
    ) -> None:
        self._http = httpx.Client(base_url=address, cookies=dict(cookies), timeout=60.0)
        self._headers = {"sec-fetch-site": "same-origin", "origin": address}
        self._reader = reader
        self._record = record

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, case_id: int, step: str, body: Mapping[str, Any], marker: str = ""
    ) -> Mapping[str, Any]:
        """Send a step until the server answers, and return {'done': ...} or {'refused': ...}."""
        begun, lost = time.perf_counter(), False
        end = time.monotonic() + _LONGEST_OUTAGE
        while True:
            try:
                answer = self._http.post(
                    f"/api/cases/{case_id}/{step}", json=dict(body), headers=self._headers
                )
                break
            except httpx.TransportError:
                lost = True
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
        taken = time.perf_counter() - begun
        content: Mapping[str, Any] = _content(answer)
        if answer.status_code >= 500 or not (content.keys() & {"done", "refused"}):
            self._record.fault(f"{step}: {answer.status_code} {answer.text[:200]}")
            content = {"refused": {"code": "fault"}}
        code = content["refused"]["code"] if "refused" in content else ""
        version = int(body.get("version", -1))
        sent = SentStep(self._reader, case_id, step, version, marker, code, lost)
        self._record.add(sent, None if lost else taken)
        return content


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
