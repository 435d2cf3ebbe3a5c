"""A database of generated cases on which every page of the site has something to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from tests.store.make import abstention, bundle, case, opinion, ranked
from tests.ui.make_accounts import account
from tests.ui.make_audits import fill_audits, write_manifest
from tests.ui.make_cases import SITE
from tests.ui.make_monitored import fill_monitored
from tests.ui.make_oct import SMALL, oct_opinion, reading_of, write_reading, write_volume
from triage.accounts import Actor, Role
from triage.decision import Decision
from triage.hashing import hash_file
from triage.ledger.events.review_events import FollowUp
from triage.phantoms.skin.cases import PhantomCase, generate_cases
from triage.review import (
    Certainty,
    decide,
    give_second_read,
    lock_first_read,
    open_case,
    open_second_read,
    reveal,
    sign_off,
)
from triage.review.drafts import save_draft
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.store import (
    BundleRecord,
    ImageRecord,
    LabelSource,
    Modality,
    Store,
    add_case,
    add_label,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.read_answers import FollowUpKind
from triage.vocabulary.review_policies import SignatureMeaning

READER = Actor("A. Keller", Role.SENIOR_READER)
COLLEAGUE = Actor("B. Osei", Role.READER)
GOVERNANCE = Actor("G. Lind", Role.GOVERNANCE)
LONG_CONDITION = "Plattenepithelkarzinom mit undifferenzierter Tumorzellpopulation"
"""Of 64 characters; two of its words do not fit into a narrow column."""
LONG_PATIENT = "P-Unterschenkelvorderseite-0000000000000000000000000000000000001"
"""A pseudonym of 64 characters."""
_TWICE = "clinic 7"
_SHORT = "warty brown plaque"
_CONDITIONS = (
    LONG_CONDITION,
    "irregular dark patch",
    "pearly nodule",
    "ring-shaped red patch",
    "round brown macule",
    "scaly red plaque",
    _SHORT,
)
_SITES = ("forearm", "back", "lower leg", "cheek", "scalp", "upper arm")
_OPEN = ("C-1001", "C-1002", "C-1003", "C-1004", "C-1006", "C-1007")
_DONE = ("C-0988", "C-0990", "C-0991", "C-0993")
_SECOND = ("C-2040", "C-2041", "C-2044")


@dataclass(frozen=True, slots=True)
class EveryPage:
    """A filled database.

    Parameters
    ----------
    url : str
    numbers : dict of str to int
        Number of each case, by its name.
    condition : str
        Which the AI names for case C-1003.
    bundle : str
        Digest of the system of photographs. The folder has audits of it, in `audits`.
    """

    url: str
    numbers: dict[str, int]
    condition: str
    bundle: str


def fill_every_page(
    folder: Path,
    password: str,
    scan: tuple[int, int, int] = SMALL,
    side: int = 256,
    *,
    long_names: bool = True,
) -> EveryPage:
    """Make a database and images in a folder.

    Parameters
    ----------
    folder : path
    password : str
        Of the accounts of `READER`, `COLLEAGUE` and `GOVERNANCE`.
    scan : tuple of int
        B-scans, rows and columns of the OCT volume.
    side : int
        Of the photographs, in pixels.
    long_names : bool
        Whether case C-1003 has names of 64 characters.
    """
    url = f"sqlite:///{folder / 'cases.db'}"
    store = open_store(url, create=True)
    digest = write_manifest(folder / "bundle", "Demo skin system")
    fill_audits(folder / "audits", digest)
    system = bundle(
        digest, name="Demo skin system", path=str(folder / "bundle"), conditions=_CONDITIONS
    )
    numbers = _add_photographs(store, folder, side, system, long_names=long_names)
    numbers["V-3101"] = _add_volume(store, folder, scan)
    for actor in (READER, COLLEAGUE, GOVERNANCE):
        assert actor.role is not None
        account(store, actor.name, actor.role, password=password)
    for site, share in ((SITE, 0.0), (_TWICE, 1.0)):
        policy = SitePolicy(dwell_seconds=0, second_reads=SecondReadPolicy(random_share=share))
        set_site_policy(store, site, policy, GOVERNANCE)
    _read_cases(store, numbers)
    fill_monitored(store, digest, owner=GOVERNANCE.name)
    store.close()
    return EveryPage(url, numbers, LONG_CONDITION if long_names else _SHORT, digest)


def _add_photographs(
    store: Store, folder: Path, side: int, scored_by: BundleRecord, *, long_names: bool
) -> dict[str, int]:
    names = (*_OPEN, *_DONE, *_SECOND)
    generated = generate_cases(len(names), seed=3, size=side, rare_fraction=0.0)
    now = datetime.now(UTC)
    numbers = {}
    with store.transaction() as session:
        system = register_bundle(session, scored_by)
        set_champion(session, system)
        for at, (name, phantom) in enumerate(zip(names, generated, strict=True)):
            images = _save(folder / "photographs", name, phantom, 3 if name == "C-1001" else 1)
            record = case(
                name,
                source=_TWICE if name in _SECOND else SITE,
                images=images,
                patient=LONG_PATIENT if long_names and name == "C-1003" else f"P-{4100 + 7 * at}",
                groups={
                    "skin_type": phantom.skin_type,
                    "age_band": "60-79" if phantom.age >= 60 else "40-59",
                    "body_site": _SITES[at % len(_SITES)],
                },
                received_at=now - timedelta(hours=7 + 11 * at),
            )
            numbers[name] = add_case(session, record)
            if name != "C-1007":  # no system has scored it
                add_prediction(
                    session, numbers[name], system, _decision(name, long_names=long_names)
                )
        earlier = case(
            "C-0741",
            source=SITE,
            images=_save(folder / "photographs", "C-0741", phantom, 1),
            patient="P-4100",
            received_at=now - timedelta(days=400),
        )
        numbers["C-0741"] = add_case(session, earlier)
        add_prediction(
            session, numbers["C-0741"], system, _decision("C-0741", long_names=long_names)
        )
    return numbers


def _save(folder: Path, name: str, phantom: PhantomCase, least: int) -> tuple[ImageRecord, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [*phantom.images, *(phantom.images[0][:, ::-1] for _ in range(least))]
    records = []
    for at, picture in enumerate(pictures[: max(least, len(phantom.images))]):
        path = folder / f"{name}-{at}.png"
        Image.fromarray(picture).save(path)
        records.append(ImageRecord(path.name, str(folder), hash_file(path)))
    return tuple(records)


def _decision(name: str, *, long_names: bool) -> Decision:
    if name in ("C-1002", "C-0990"):
        return abstention()
    if long_names and name == "C-1003":
        shares = ((LONG_CONDITION, 0.71), ("pearly nodule", 0.2), ("scaly red plaque", 0.05))
    elif name == "C-1003":
        shares = ((_SHORT, 0.83), ("irregular dark patch", 0.11), ("pearly nodule", 0.04))
    else:
        shares = (
            ("irregular dark patch", 0.83),
            ("round brown macule", 0.11),
            ("pearly nodule", 0.04),
        )
    return opinion(
        Urgency.URGENT,
        condition=shares[0][0],
        p_condition=shares[0][1],
        differential=ranked(*shares),
        reason="The expected cost is lowest for this referral.",
        next_action="See the patient within a day.",
    )


def _add_volume(store: Store, folder: Path, scan: tuple[int, int, int]) -> int:
    image = write_volume(folder / "volumes" / "V-3101.npz", scan)
    place = write_reading(
        folder / "readings" / "V-3101.oct_reading.safetensors", reading_of(image, scan)
    )
    words = {
        "reason": "The expected cost is lowest for this referral.",
        "next_action": "See the patient within a day.",
    }
    with store.transaction() as session:
        system = register_bundle(
            session,
            bundle("f" * 64, name="Demo OCT system", conditions=tuple(DIAGNOSES.values())),
        )
        set_champion(session, system)
        record = case(
            "V-3101",
            source=SITE,
            images=(image,),
            patient="P-5208",
            modality=Modality.OCT_VOLUMES,
            groups={"age_band": "70-79", "sex": "F"},
            received_at=datetime.now(UTC) - timedelta(hours=4),
        )
        number = add_case(session, record)
        add_prediction(session, number, system, oct_opinion(**words), place)
    return number


def _read_cases(store: Store, numbers: dict[str, int]) -> None:
    """Let the readers decide, sign, read as the second and disagree."""
    open_case(store, numbers["C-1004"], COLLEAGUE)
    open_case(store, numbers["C-1006"], READER)
    save_draft(store, numbers["C-1006"], READER, {"form": "first_read", "urgency": "routine"})
    for name in _DONE:
        _decide(store, numbers[name], READER, abstained=name == "C-0990")
    signed = [numbers[name] for name in ("C-0988", "C-0991")]
    sign_off(
        store,
        READER,
        signed,
        SignatureMeaning.AUTHORSHIP,
        printed_name="Dr. A. Keller",
        reauthenticated=True,
    )
    with store.transaction() as session:
        for number, found in zip(signed, ("irregular dark patch", "pearly nodule"), strict=True):
            add_label(
                session,
                number,
                found,
                LabelSource.HISTOLOGY,
                given_by="Pathology North",
                ai_visible=False,
            )
    for name in _SECOND:
        _decide(store, numbers[name], COLLEAGUE)
    open_second_read(store, numbers["C-2044"], READER)
    give_second_read(
        store,
        numbers["C-2044"],
        READER,
        **_read("scaly red plaque", Urgency.ROUTINE),
    )


def _read(condition: str, urgency: Urgency) -> dict[str, Any]:
    return {"conditions": (condition,), "urgency": urgency, "certainty": Certainty.FAIRLY_SURE}


def _decide(store: Store, number: int, actor: Actor, *, abstained: bool = False) -> None:
    answers = _read("irregular dark patch", Urgency.URGENT)
    open_case(store, number, actor)
    if not lock_first_read(store, number, actor, **answers).without_ai:
        reveal(store, number, actor)
    follow_up = FollowUp(FollowUpKind.RETAKE, text="Out of focus") if abstained else None
    decide(store, number, actor, follow_up=follow_up, **answers)
