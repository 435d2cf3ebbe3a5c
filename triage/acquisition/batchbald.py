"""BatchBALD: the batch whose labels together say most about the members."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr, logsumexp

from triage.acquisition.bald import bald, member_entropy
from triage.acquisition.pool import FLOOR, Doubles, Pool
from triage.acquisition.seats import Seats
from triage.acquisition.strategy import (
    ENSEMBLE,
    Choice,
    Strategy,
    StrategyInfo,
    require_ensemble,
)
from triage.errors import UsageError

SAMPLES = 10_000
"""Most label configurations: of more, so many are sampled."""
CANDIDATES = 1_000
"""Cases of largest BALD that are considered."""
_CHUNK = 4_000_000
"""Numbers in the largest array."""


@dataclass(frozen=True)
class _Table:
    """Configurations of a batch's labels, and how probable the members find them.

    Parameters
    ----------
    weights : float64 array [M]
        Of each configuration in expectations under the ensemble; they sum to one.
    log_mean : float64 array [M]
        ln q_m, where q_m is the members' mean probability of the configuration.
    ratio : float64 array [M, K]
        Probability under each member, over q_m.
    """

    weights: Doubles
    log_mean: Doubles
    ratio: Doubles

    @property
    def entropy(self) -> float:
        """Joint entropy of the batch in nats."""
        return float(-(self.weights @ self.log_mean))

    def added_entropy(self, candidates: Doubles) -> Doubles:
        """H[y | batch] of candidates [N, K, C] in nats, float64 [N]."""
        n, k, c = candidates.shape
        step = max(1, _CHUNK // (len(self.weights) * c))
        parts = []
        for start in range(0, n, step):
            part = candidates[start : start + step]
            wide = part.transpose(1, 0, 2).reshape(k, -1)
            mixed = entr(self.ratio @ wide / k).reshape(len(self.weights), len(part), c)
            parts.append(np.einsum("m,mnc->n", self.weights, mixed))
        return np.concatenate(parts)


def _table(log_members: Doubles) -> _Table:
    """Of the log probabilities [M, K] of every configuration, each once."""
    log_mean = logsumexp(log_members, axis=1) - math.log(log_members.shape[1])
    weights = np.exp(log_mean)
    return _Table(weights / weights.sum(), log_mean, np.exp(log_members - log_mean[:, None]))


def _exact(batch: Doubles) -> _Table:
    """Every configuration of a batch [b, K, C]."""
    logs = np.log(batch)
    found = np.zeros((1, batch.shape[1]))
    for each in logs:
        found = (found[:, None, :] + each.T[None, :, :]).reshape(-1, batch.shape[1])
    return _table(found)


def _sampled(batch: Doubles, samples: int, generator: np.random.Generator) -> _Table:
    """As many configurations drawn from each member; `samples` is rounded to a multiple of K."""
    b, k, c = batch.shape
    each = max(1, samples // k)
    logs = np.log(batch)
    found = np.zeros((each * k, k))
    for place in range(b):
        edges = batch[place].cumsum(axis=1)  # [K, C]
        uniform = generator.random((k, each, 1)) * edges[:, None, -1:]
        labels = np.minimum((uniform > edges[:, None, :]).sum(axis=2), c - 1).ravel()
        found += logs[place][:, labels].T
    log_mean = logsumexp(found, axis=1) - math.log(k)
    weights = np.full(each * k, 1.0 / (each * k))
    return _Table(weights, log_mean, np.exp(found - log_mean[:, None]))


def label_table(batch: Doubles, samples: int, generator: np.random.Generator) -> _Table:
    """Return the table of a batch [b, K, C]: exact while C^b <= samples, else sampled."""
    clipped = batch.clip(FLOOR)
    if len(batch) * math.log(batch.shape[2]) <= math.log(samples) + 1e-9:
        return _exact(clipped)
    return _sampled(clipped, samples, generator)


def joint_information(members: Doubles, samples: int = SAMPLES, seed: int = 0) -> float:
    """Mutual information of the labels of a batch and the member, in nats.

    Parameters
    ----------
    members : float64 array [b, K, C]
    samples : int
        Most configurations of labels; of more, so many are sampled.
    seed : int

    Returns
    -------
    float
        H[y_1 ... y_b] - sum_i mean_k H[p_k(y_i)], at most ln K.
    """
    table = label_table(members, samples, np.random.default_rng(seed))
    return table.entropy - float(member_entropy(members).sum())


class BatchBald(Strategy):
    """Greedy by the mutual information of the whole batch, so that a case's double adds little.

    Parameters
    ----------
    samples : int
        Most configurations of labels; of more, so many are sampled.
    candidates : int
        Cases of largest BALD that are considered.

    Notes
    -----
    K members tell at most ln K nats. From about ln K over the typical mutual information of a case
    on, which case is added is decided by noise: the places beyond it are filled by stochastic BALD,
    without replacement, with probabilities in proportion to exp(BALD / s), where s is the standard
    deviation of BALD over the candidates (Kirsch et al. 2023).
    """

    info = StrategyInfo(
        "batchbald",
        "Joint mutual information (BatchBALD)",
        "Kirsch et al. 2019; beyond ln K nats stochastic BALD (Kirsch et al. 2023)",
        needs=(ENSEMBLE,),
        prefers="a batch that the members disagree about, each case for another reason",
        reason="Chosen for labelling: with the others of its batch it tells the system most.",
    )

    def __init__(self, samples: int = SAMPLES, candidates: int = CANDIDATES) -> None:
        if samples < 1 or candidates < 1:
            raise UsageError("samples and candidates are at least 1", where=self.info.key)
        self.samples, self.candidates = samples, candidates

    def choose(self, pool: Pool, n: int, seed: int = 0) -> Choice:
        """Choose greedily while the members can tell more, then by chance weighted with BALD."""
        seats = Seats(pool, n)
        require_ensemble(pool, self.info.key)
        single = bald(pool.members)
        rows = _candidates(seats, single, max(self.candidates, n), pool)
        most = _distinguishable(single, seats, pool.members.shape[1])
        chosen: list[int] = []
        values: list[float] = []
        for row, value in self._greedy(pool, seats, rows, seed):
            chosen.append(row)
            values.append(value)
            if len(chosen) == min(n, most):
                break
        notes = []
        if n > len(chosen):
            notes.append(_saturated(len(chosen), n, pool.members.shape[1]))
        first = len(chosen)
        chosen = [*seats.best(_stochastic(single, rows, pool, seed), chosen)]
        values += [float(single[row]) for row in chosen[first:]]
        return Choice(tuple(chosen), tuple(values), "nats together", tuple(notes))

    def _greedy(
        self, pool: Pool, seats: Seats, rows: Sequence[int], seed: int
    ) -> Iterator[tuple[int, float]]:
        """Rows, each with the mutual information of the batch up to it."""
        own = member_entropy(pool.members)
        chosen: list[int] = []
        while len(open_ := seats.open_rows(rows, chosen)):
            generator = np.random.default_rng([abs(seed), len(chosen)])
            table = label_table(pool.members[chosen], self.samples, generator)
            gain = table.added_entropy(pool.members[open_].clip(FLOOR)) - own[open_]
            total = np.full(len(pool), -np.inf)
            total[open_] = table.entropy - own[chosen].sum() + gain
            row = next(row for row in seats.order(total) if row not in chosen)
            chosen.append(row)
            yield row, float(max(total[row], 0.0))


def _candidates(seats: Seats, single: Doubles, most: int, pool: Pool) -> list[int]:
    """The cases of largest BALD; with groups, so many of each that every place can be filled."""
    order = seats.order(single)
    if pool.groups is None:
        return order[:most]
    kept, counts = [], dict.fromkeys(pool.groups, 0)
    share = max(1, most // len(counts))
    for row in order:
        group = pool.groups[row]
        if counts[group] < max(share, (seats.quotas or {}).get(group, 0)):
            counts[group] += 1
            kept.append(row)
    return kept


def _distinguishable(single: Doubles, seats: Seats, k: int) -> int:
    """How many cases K members tell apart: ln K over the mean BALD of the best n, rounded up."""
    best = [single[row] for row in seats.best(single)]
    typical = float(np.mean(best))
    return max(1, math.ceil(math.log(k) / typical)) if typical > FLOOR else seats.n


def _stochastic(single: Doubles, rows: Sequence[int], pool: Pool, seed: int) -> Doubles:
    """BALD in standard deviations plus Gumbel noise; -inf of what is no candidate, float64 [N]."""
    spread = float(np.std(single[list(rows)])) or 1.0
    noise = -np.log(-np.log(pool.chance(seed, purpose="batchbald")))
    found = np.full(len(pool), -np.inf)
    found[list(rows)] = (single / spread + noise)[list(rows)]
    return found


def _saturated(greedy: int, n: int, k: int) -> str:
    return (
        f"{k} members tell at most {math.log(k):.2f} nats: the first {greedy} of {n} cases were "
        "chosen together, the others by chance weighted with their own mutual information."
    )
