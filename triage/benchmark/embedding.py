"""Embeddings of the sets of cases, of one draw or of many draws in advance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.backbones.backbone import Backbone
from triage.backbones.feature_maps import MapStatistics
from triage.backbones.image_text import load_image_text
from triage.benchmark.case_sets import CaseSet, case_sets
from triage.benchmark.draw_record import TRAIN
from triage.benchmark.protocol import Protocol
from triage.data.manifest import Case
from triage.errors import UsageError
from triage.imaging.corruptions import Corruption
from triage.progress import Progress, counting
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.system import Embedded, embed_with, open_caches


def embed_sets(
    networks: dict[str, Backbone],
    sets: dict[str, CaseSet],
    cache_folder: Path | None,
    report: Progress,
    stage: str = "embedding sets",
    *,
    by_view: bool = False,
) -> tuple[dict[str, Embedded], dict[str, list[Case]]]:
    """Embed sets of cases with several networks; training sets are embedded by view.

    Returns
    -------
    embedded : dict of Embedded
        By set.
    opened : dict of list of Case
        Cases of each set that could be read.

    Raises
    ------
    UsageError
        If a set has none.
    """
    total = sum(len(case.images) for part in sets.values() for case in part.cases)
    tick = counting(report, stage, total * len(networks))
    caches = open_caches(networks, cache_folder)
    embedded: dict[str, Embedded] = {}
    opened: dict[str, list[Case]] = {}
    for name, part in sets.items():
        embedded[name], found = embed_with(
            networks,
            part.cases,
            cache_folder,
            tick,
            part.corruption,
            caches=caches,
            by_view=by_view and part.corruption is None,
        )
        opened[name] = found.cases
        if not found.cases:
            raise UsageError("no case of this set could be read", where=name)
    return embedded, opened


def embed_beforehand(
    protocol: Protocol,
    seeds: Sequence[int],
    *,
    cache_folder: Path | None,
    with_maps: bool,
    report: Progress,
) -> None:
    """Fill the cache with the embeddings that draws will use, each image once.

    Draws share most of their images and may run in parallel: no image is embedded twice.
    Networks that are trained end to end belong to one draw, and embed only there.

    Parameters
    ----------
    protocol : Protocol
    seeds : sequence of int
        Of the draws.
    cache_folder : Path or None
        None does nothing.
    with_maps : bool
        Whether a method needs feature maps.
    report : callable
    """
    if cache_folder is None:
        return
    networks: dict[str, Backbone] = {}
    if protocol.settings.mode == "embed":
        networks = load_backbones(protocol.settings)
        if with_maps:
            networks["feature maps"] = MapStatistics(next(iter(networks.values())))
    if protocol.image_text is not None:
        networks["image-text model"] = load_image_text(protocol.image_text).images
    if networks:
        embed_sets(networks, _of_all_draws(protocol, seeds), cache_folder, report, by_view=True)


def _of_all_draws(protocol: Protocol, seeds: Sequence[int]) -> dict[str, CaseSet]:
    """Every case of every draw, once per corruption of its images."""
    wanted: dict[Corruption | None, dict[str, Case]] = {}
    for seed in seeds:
        dataset = protocol.dataset(seed)
        learned = CaseSet(dataset.of_split(TRAIN))  # outliers that train are in no other set
        for part in (learned, *case_sets(protocol, dataset).values()):
            wanted.setdefault(part.corruption, {}).update((c.case_id, c) for c in part.cases)
    return {
        str(corruption or "all cases"): CaseSet(list(cases.values()), corruption)
        for corruption, cases in wanted.items()
    }
