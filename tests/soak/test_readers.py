"""The soak run of eight readers in short."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.soak.after_readers import findings
from tests.soak.readers import build, run


def test_eight_readers_and_a_server_that_is_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'triage.db'}"
    build(url, tmp_path, 300)
    record = run(url, tmp_path, seconds=5, kills=2)
    assert findings(url, record) == []
    taken = Counter(one.step for one in record.steps if not one.refusal)
    assert {"first-read", "decision", "draft"} <= taken.keys()
