"""A small case database with drawn photographs, for the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.store.make import abstention, bundle, case, opinion
from triage.accounts import Actor, Role
from triage.hashing import hash_file
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import (
    CaseRecord,
    ImageRecord,
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.clinical import Urgency

SITE = "clinic 2"
"""Of none of its cases here does the draw say that it is read without AI, or twice."""
SECRETS = (
    "AISECRETACTION",
    "None of the conditions it knows",
    "Doubt",
    "models disagree",
    "about 75 of 100",
    "75 of 100",
    "0.747",
    "74.7",
    "0.83",
    "AISECRETREASON",
)
"""Parts of the AI's output that must not reach the browser before the first read."""


def let_decide_at_once(store: Store) -> None:
    """Set no least time between reveal and decision, so that tests need not wait.

    The class of cases is shown, and which case comes next does not depend on chance.
    """
    policy = SitePolicy(dwell_seconds=0, priority_visible=True, random_next_share=0.0)
    set_site_policy(store, SITE, policy, Actor("Gus", Role.GOVERNANCE))


def draw_photograph(path: Path, seed: int, size: tuple[int, int] = (640, 480)) -> ImageRecord:
    """Draw a lesion-like spot on skin."""
    chance = np.random.default_rng(seed)
    image = Image.new("RGB", size, (224, 178, 150))
    draw = ImageDraw.Draw(image)
    x, y = size[0] // 2, size[1] // 2
    for _ in range(40):
        dx, dy = chance.normal(0, 45, 2)
        radius = chance.uniform(15, 60)
        shade = int(chance.uniform(60, 120))
        box = (x + dx - radius, y + dy - radius, x + dx + radius, y + dy + radius)
        draw.ellipse(box, fill=(shade, shade // 2, shade // 2))
    image = image.filter(ImageFilter.GaussianBlur(4))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return ImageRecord(path.name, str(path.parent), hash_file(path))


def fill(folder: Path) -> tuple[str, dict[str, int]]:
    """Make a database and photographs in a folder; return its URL and the cases' numbers."""
    url = f"sqlite:///{folder / 'cases.db'}"
    now = datetime.now(UTC)
    secret = {"reason": "AISECRETREASON", "next_action": "AISECRETACTION"}
    plan = {
        "C-1001": (opinion(Urgency.URGENT, **secret), 2, 20),
        "C-1002": (abstention(**secret), 1, 30),
        "C-1003": (opinion(Urgency.ROUTINE, condition="acne", **secret), 3, 200),
        "C-1004": (opinion(Urgency.OBSERVATION, condition="acne", **secret), 1, 90),
    }
    store = open_store(url, create=True)
    numbers = {}
    with store.transaction() as session:
        system = register_bundle(session, bundle(conditions=("acne", "folliculitis", "melanoma")))
        set_champion(session, system)
        for seed, (name, (prediction, count, hours)) in enumerate(plan.items()):
            images = tuple(
                draw_photograph(folder / "photographs" / f"{name}-{n}.png", 10 * seed + n)
                for n in range(count)
            )
            record: CaseRecord = case(
                name,
                source=SITE,
                images=images,
                groups={"skin_type": "III", "age_band": "40-59", "body_site": "forearm"},
                received_at=now - timedelta(hours=hours),
            )
            numbers[name] = add_case(session, record)
            add_prediction(session, numbers[name], system, prediction)
    let_decide_at_once(store)
    store.close()
    return url, numbers
