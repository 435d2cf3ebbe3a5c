"""Each modality is shown by its own view and in its own words."""

from __future__ import annotations

import json
from pathlib import Path

from tests.store.make import abstention, case, opinion
from tests.test_architecture import SOURCES, within
from tests.test_structure import modality_branches
from tests.ui.conftest import Pages, everything, shown
from tests.ui.make_cases import draw_photograph
from tests.ui.panel import bars, content, lock, read
from tests.ui.test_photo_stage import sent_to
from triage.modalities import MODALITIES
from triage.store import add_case, add_prediction, champion, open_store, register_bundle
from triage.vocabulary.modality import Modality
from ui.case_views import CASE_VIEWS


def add_bscans(pages: Pages, folder: Path, count: int, *, abstained: bool = False) -> str:
    """Add a case of B-scans, with an opinion or an abstention, and return its name."""
    images = tuple(draw_photograph(folder / "bscans" / f"{n}.png", n) for n in range(count))
    name = f"bscans of {count}"
    store = open_store(pages.url)
    with store.transaction() as session:
        record = case(name, images=images, modality=Modality.OCT_BSCANS)
        pages.cases[name] = add_case(session, record)
        system = champion(session)
        assert system is not None
        decision = abstention() if abstained else opinion()
        add_prediction(session, pages.cases[name], register_bundle(session, system), decision)
    store.close()
    return name


def test_every_modality_has_a_view() -> None:
    assert set(CASE_VIEWS) == set(Modality) == set(MODALITIES)


def test_only_the_table_of_views_names_modalities() -> None:
    ours = [source for source in SOURCES if within(source.module, "ui")]
    # Others take any modality as it comes.
    named = [source.module for source in ours if "Modality." in source.path.read_text("utf-8")]
    assert named == ["ui.case_views"]
    assert not any(line for source in ours for line in modality_branches(source.tree))


def test_the_reasons_that_reports_list_are_listed_on_the_card() -> None:
    for modality, view in CASE_VIEWS.items():
        assert set(MODALITIES[modality].reported_reasons) <= set(view.listed_reasons)


def test_bscans_are_shown_as_pictures_and_called_bscans(pages: Pages, tmp_path: Path) -> None:
    name = add_bscans(pages, tmp_path, 2)
    app = pages.open(name)
    assert not app.exception
    sent = everything(app)
    stage = sent_to(app, "photo_stage")
    assert (stage["one"], stage["title"]) == ("B-scan", "B-scans of this case")
    assert len(stage["pictures"]) == 2
    assert "hotograph" not in sent
    app = lock(pages, name, **read("acne", "routine"))
    assert not app.exception
    card = content(app)["opinion"]
    assert bars(app)[0] == "Melanoma: about 75 of 100"
    assert "because the B-scan fits several" in card["doubt"]
    assert card["about"][0].startswith("Of 100 such B-scans, from calibrated")


def test_an_abstention_on_bscans_lists_no_reasons_of_volumes(pages: Pages, tmp_path: Path) -> None:
    name = add_bscans(pages, tmp_path, 1, abstained=True)
    app = lock(pages, name, **read("acne", "routine"))
    assert not app.exception
    card = content(app)["opinion"]
    assert "No AI opinion" in card["warning"]
    assert card["listed"] == []
    assert "of 100" not in json.dumps(content(app))


def test_a_case_without_bscans_is_reported_so(pages: Pages, tmp_path: Path) -> None:
    app = pages.open(add_bscans(pages, tmp_path, 0))
    assert not app.exception
    assert "This case has no B-scans." in shown(app)
