"""From the policy's decision to the reader's page; run by `test_decision_field` on changed copies.

`python -m tests.decision_to_page FOLDER` prints as JSON the columns of the loaded predictions
table and what the pages of an opinion and of an abstention send to the browser.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import triage
import ui
from tests.decisions.make import CONDITIONS, make_policy, make_predictions
from tests.ui.conftest import everything
from tests.ui.make_accounts import session_for
from tests.ui.make_cases import draw_photograph
from triage.accounts import Actor, Role
from triage.data.manifest import Case
from triage.intake.ingest import ingest
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.review import Certainty, lock_first_read, open_case
from triage.store import URL_VARIABLE, find_case, open_store
from triage.systems.manifest import BundleManifest, RolesEntry
from triage.systems.scored import Scored
from triage.uncertainty.outlier_probability import OutlierProbability
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

READER, SOURCE = Actor("Ann", Role.SENIOR_READER), "clinic"
"""Neither case of this source is drawn to be read without the AI."""
CLEAR = (0.95, 0.01, 0.01, 0.01, 0.01, 0.01)
UNKNOWN = (0.02, 0.02, 0.03, 0.03, 0.45, 0.45)
"""Class probabilities of one member; the last two classes are outliers."""


def manifest() -> BundleManifest:
    """Return the manifest of a bundle that was never trained."""
    inliers = tuple(condition.name for condition in CONDITIONS)
    return BundleManifest(
        name="first",
        created_at="2025-06-02",
        code_version="0",
        library_versions={},
        spec_name="made",
        spec_hash="0" * 64,
        data_hash="0" * 64,
        data_counts={},
        rejected={},
        roles=RolesEntry(seed=0, inliers=inliers, train=(), validation=(), test=()),
        head="softmax",
        score="outlier_mass",
        classes=inliers,
        n_inliers=len(inliers),
        members=(),
        backbones={},
        settings=TrainSettings(backbones=("hf:none",)),
        settings_hash="0" * 64,
        thresholds={},
        metrics={},
        files={},
    )


def _photograph(folder: Path, name: str) -> tuple[Path, ...]:
    """Draw the photograph of a case: without one that can be shown there is no first read."""
    path = folder / f"{name}.png"
    draw_photograph(path, seed=0)
    return (path,)


def page_of(case_id: int) -> str:
    """Return everything that the page of a case sends to the browser."""
    app = AppTest.from_file(str(Path(ui.__file__).parent / "app.py"), default_timeout=60)
    app.query_params["case"] = str(case_id)
    store = open_store(os.environ[URL_VARIABLE])
    token = session_for(store, READER.name)
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ui.session.session_token", lambda: token)
        app.run()
    assert not app.exception, app.exception
    return everything(app)


def main(folder: Path) -> None:
    """Decide on two cases, save, load, store, reveal and show them."""
    predictions = make_predictions(np.array([CLEAR, UNKNOWN]))
    policy = make_policy(outlier_probability=OutlierProbability(slope=10.0, intercept=-5.0))
    predictions.with_decisions(policy.decide(predictions)).save(folder / "p.parquet")
    loaded = Predictions.load(folder / "p.parquet")
    assert loaded.decisions is not None
    assert list(loaded.decisions["recommendation"]) == [Urgency.URGENT, NO_AI_OPINION]
    cases = dict(zip(("opinion", "abstention"), loaded.cases["case_id"], strict=True))
    url = f"sqlite:///{folder / 'cases.db'}"
    os.environ[URL_VARIABLE] = url
    store = open_store(url, create=True)
    result = ingest(
        store,
        [Case(name, name, name, _photograph(folder, name), None) for name in cases.values()],
        Scored(loaded, {}, {}),
        manifest(),
        bundle=folder,
        root=folder,
        source=SOURCE,
    )
    assert not result.not_stored, result.lines()
    pages = {}
    for kind, name in cases.items():
        with store.reading() as session:
            number = find_case(session, SOURCE, name)
        assert number is not None
        open_case(store, number, READER)
        lock_first_read(
            store,
            number,
            READER,
            conditions=("eczema",),
            urgency=Urgency.ROUTINE,
            certainty=Certainty.SURE,
        )
        pages[kind] = page_of(number)
    store.close()
    print(json.dumps({"triage": triage.__file__, "columns": [*loaded.decisions], "pages": pages}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
