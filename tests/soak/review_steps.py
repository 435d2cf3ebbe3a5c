"""Steps of reviews in random orders, and processes that are killed while they take steps.

`python -m tests.soak.review_steps --examples 500 --kills 100` prints which steps led where.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.review.kills import kill_again_and_again
from tests.review.test_any_order_of_steps import AnyOrder
from tests.store.databases import database_url

STEPS = 40


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100, help="on each of the two databases")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    started = time.perf_counter()
    if given.examples:
        AnyOrder.reached.clear()
        run_state_machine_as_test(
            AnyOrder,
            settings=settings(
                AnyOrder.TestCase.settings,
                max_examples=given.examples,
                stateful_step_count=STEPS,
                database=None,
            ),
        )
        print_reached(AnyOrder.reached)
    for kind in ("sqlite", "postgres") if given.kills else ():
        with tempfile.TemporaryDirectory() as folder, database_url(kind, Path(folder)) as url:
            acknowledged = kill_again_and_again(url, Path(folder), given.kills)
        print(f"{kind}: {given.kills} kills, {acknowledged} acknowledged steps, none lost")
    print(f"{time.perf_counter() - started:.0f} s")


def print_reached(reached: Counter[tuple[str, str]]) -> None:
    """Print how often each step led to each state."""
    for (step, state), times in sorted(reached.items()):
        print(f"{step:20} -> {state:20} {times:6}")


if __name__ == "__main__":
    main()
