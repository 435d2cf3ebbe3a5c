"""Join a Ray cluster and leave it: a program of its own, which may be ended at any time."""

from __future__ import annotations

import json
import logging
import os
import sys


def main(address: str) -> int:
    """Return 0 if the cluster can be joined; else print why not, as JSON, and return 1."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.CRITICAL,
        )
        ray.shutdown()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(json.dumps({"refused": lines[0][:200]}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
