"""The labelling list: cases whose label was asked for, the newest choice first."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select

from triage.store import Store, open_label_requests
from triage.store.tables import Case


@dataclass(frozen=True)
class ListedCase:
    """A case on the list.

    Parameters
    ----------
    number : int
        In the database.
    case_id, source : str
    kind : str
        A `RequestKind`.
    reason : str
        A sentence that names neither a condition nor an opinion.
    requested_by, requested_at : str
        The time as in ISO 8601.
    """

    number: int
    case_id: str
    source: str
    kind: str
    reason: str
    requested_by: str
    requested_at: str

    def as_json(self) -> dict[str, object]:
        """Return its fields as plain JSON types."""
        return asdict(self)


def labelling_list(store: Store) -> list[ListedCase]:
    """Return the cases whose label is asked for, in the order in which they are to be labelled."""
    with store.reading() as session:
        requests = open_label_requests(session)
        numbers = {each.case_id for each in requests}
        rows = session.execute(
            select(Case.id, Case.external_id, Case.source).where(Case.id.in_(numbers))
        )
        named = {number: (name, source) for number, name, source in rows}
    return [
        ListedCase(
            each.case_id,
            *named[each.case_id],
            str(each.kind),
            each.reason,
            each.requested_by,
            each.requested_at.isoformat(timespec="seconds"),
        )
        for each in requests
    ]
