"""Eight readers at once over HTTP, and a server that is killed while they take steps.

`python -m tests.soak.readers --minutes 10 --kills 30 --kind postgres` prints what was sent and how
long answers took, and ends with 1 if anything was lost or doubled, a draft is gone, the ledger does
not verify, or a step was answered by an error of the server. Pages are opened, and opinions shown,
by the same functions as a run of the page; every other step is sent as the panel sends it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.soak.after_readers import findings
from tests.soak.reader_work import ReaderWork
from tests.soak.sent_steps import PanelClient, Record
from tests.soak.server_process import ServerProcess
from tests.speed.waiting_cases import SITES, add_events, fill
from tests.store.databases import database_url
from tests.ui.make_accounts import account, session_for
from tests.ui.make_cases import draw_photograph
from triage.accounts import Actor, Role
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.store import Store, open_store
from ui.serving.cookies import session_cookie

READERS = 8
_LEAST_WORK = 0.5
"""Seconds between a start of the server and killing it."""
CASES_A_SECOND = 12
"""More than readers come to in a second."""


def build(url: str, folder: Path, cases: int) -> None:
    """Make a database of waiting cases in which half the decisions are read twice."""
    images = [draw_photograph(folder / "photographs" / "1.png", 1, (160, 120))]
    store = open_store(url, create=True)
    fill(store, cases, images)
    add_events(store, cases, images)
    policy = SitePolicy(dwell_seconds=0, second_reads=SecondReadPolicy(random_share=0.5, rounds=2))
    for site in SITES:
        set_site_policy(store, site, policy, Actor("Gov", Role.GOVERNANCE))
    store.close()


def run(url: str, folder: Path, seconds: float, kills: int, seed: int = 0) -> Record:
    """Let readers work on the cases of a database for so long; return what they have sent."""
    server, record, stop = ServerProcess(url, folder), Record(), threading.Event()
    store = open_store(url)
    failed: list[BaseException] = []
    server.start()
    try:
        workers = _workers(store, server.address, record, seed)
        threads = [
            threading.Thread(target=_kept(work.work_until, failed, stop), args=(stop,))
            for work in workers
        ]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        _kill_at_random(server, seconds, kills, stop, random.Random(seed))
        stop.wait(max(0.0, begun + seconds - time.monotonic()))
        stop.set()
        for thread in threads:
            thread.join()
    finally:
        stop.set()
        server.kill()
        store.close()
    if failed:
        raise failed[0]
    if "Traceback" in (said := server.said()):
        record.fault(f"the server wrote a traceback: {said[-3000:]}")
    return record


def _workers(store: Store, address: str, record: Record, seed: int) -> list[ReaderWork]:
    names = tuple(f"Reader {number}" for number in range(1, READERS + 1))
    workers = []
    for number, name in enumerate(names):
        role = Role.SENIOR_READER if number % 2 else Role.READER
        actor = account(store, name, role).actor
        cookies = {session_cookie(secure=False): session_for(store, name)}
        client = PanelClient(address, name, cookies, record)
        others = tuple(other for other in names if other != name)
        work = ReaderWork(store, client, actor, others, record, READERS * seed + number)
        workers.append(work)
    return workers


def _kept(
    work: Callable[[threading.Event], None], failed: list[BaseException], stop: threading.Event
) -> Callable[[threading.Event], None]:
    """Keep what a thread raises, and end the others."""

    def run_it(event: threading.Event) -> None:
        try:
            work(event)
        except BaseException as error:
            failed.append(error)
            stop.set()

    return run_it


def _kill_at_random(
    server: ServerProcess, seconds: float, kills: int, stop: threading.Event, draw: random.Random
) -> None:
    """Kill the server so often, at random times, and start it again at once."""
    begun = time.monotonic()
    for moment in sorted(draw.uniform(0.1, 0.9) * seconds for _ in range(kills)):
        if stop.wait(max(_LEAST_WORK, begun + moment - time.monotonic())):
            return
        server.kill()
        server.start()


def report(record: Record) -> None:
    """Print what was sent, what became of it, and how long answers took."""
    counted = Counter((one.step, one.refusal or "done") for one in record.steps)
    for (step, outcome), times in sorted(counted.items()):
        print(f"  {step:14} {outcome:16} {times:6}")
    for step, seconds in sorted(record.seconds.items()):
        middle, late = 1000 * np.percentile(seconds, (50, 95))
        print(f"  {step:14} median {middle:.0f} ms, 95th percentile {late:.0f} ms")
    lost = sum(one.lost for one in record.steps)
    print(f"  {len(record.steps)} steps sent, {lost} again after a lost answer", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--kind", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--seed", type=int, default=0)
    given, _ = parser.parse_known_args()
    seconds = 60 * given.minutes
    print(f"{READERS} readers, {given.minutes:g} minutes, {given.kind}, {given.kills} kills")
    with tempfile.TemporaryDirectory() as name, database_url(given.kind, Path(name)) as url:
        build(url, Path(name), int(seconds * CASES_A_SECOND))
        record = run(url, Path(name), seconds, given.kills, given.seed)
        report(record)
        found = findings(url, record)
    for one in found[:50]:
        print(one)
    print(f"{len(found)} findings")
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
