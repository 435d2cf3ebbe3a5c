"""Agreement of several readers beyond chance, over cases that each had two readers or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def fleiss_kappa(cases: Iterable[Mapping[str, int]]) -> float | None:
    """Return Fleiss' kappa of the votes on cases, whose readers may be any and of any number.

    ``(P - P_e) / (1 - P_e)``, with P the mean over cases of the share of agreeing pairs of readers
    and P_e the sum of the squared shares of the conditions among all votes (Fleiss 1971; for
    numbers of readers that differ as Fleiss, Levin and Paik 2003, 18.3). Of two readers who read
    every case `triage.evaluation.cohen_kappa.nominal_kappa` is the narrower measure.

    Parameters
    ----------
    cases : iterable of mapping
        How many readers named each condition; cases of fewer than two readers do not count.

    Returns
    -------
    float or None
        None where no case had two readers, or all named one condition.
    """
    shares, totals = [], Counter[str]()
    for votes in cases:
        n_readers = sum(votes.values())
        if n_readers < 2:
            continue
        pairs = sum(count * (count - 1) for count in votes.values())
        shares.append(pairs / (n_readers * (n_readers - 1)))
        totals.update(votes)
    if not shares:
        return None
    n_votes = sum(totals.values())
    by_chance = sum((count / n_votes) ** 2 for count in totals.values())
    if by_chance >= 1:
        return None
    return (sum(shares) / len(shares) - by_chance) / (1 - by_chance)
