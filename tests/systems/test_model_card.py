from tests.tiny import TinyBundle
from triage.data.spec import DataSpec
from triage.imaging.views import Views
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings
from triage.systems.bundle import load_system
from triage.systems.manifest import MemberEntry
from triage.systems.model_card import model_card


def test_an_oct_card_tells_of_both_stages(tiny_bundle: TinyBundle, phantom_spec: DataSpec) -> None:
    system, manifest = load_system(tiny_bundle.folder)
    pairs = tuple(
        MemberEntry(
            name=f"s{one}-r{other}",
            backbone=f"s{one}",
            weights=f"referral/r{other}.safetensors",
            validation_loss=0.5,
        )
        for one in range(3)
        for other in range(2)
    )
    volumes = manifest.model_copy(
        update={
            "settings": OctSettings(),
            "members": pairs,
            "backbones": {f"s{one}": "0" * 64 for one in range(3)},
        }
    )
    card = model_card(volumes, system.policy, phantom_spec)
    assert "Segmentation, 3 instances: a B-scan on a grid of 96 x 96" in card
    assert "Referral, 2 instances" in card
    assert "12 x 32 x 32 cells over 6 x 1.6 x 6 mm" in card
    assert "6 hypotheses" in card
    assert "## Members" not in card
    assert "## Members" in model_card(manifest, system.policy, phantom_spec)


def test_a_card_tells_what_is_embedded(tiny_bundle: TinyBundle, phantom_spec: DataSpec) -> None:
    system, manifest = load_system(tiny_bundle.folder)
    assert isinstance(manifest.settings, TrainSettings)

    def card(**changes: object) -> str:
        settings = manifest.settings.model_copy(update=changes)
        chosen = manifest.model_copy(update={"settings": settings})
        return model_card(chosen, system.policy, phantom_spec)

    assert "Embeddings:" not in card(stages=1, views=Views.WHOLE)
    found = card(stages=2, views=Views.CROPS)
    assert "Embeddings: the mean over 4 views of a picture, the last 2 stages of the netw" in found


def test_a_card_gives_costs_at_both_shares_of_outliers(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec
) -> None:
    system, manifest = load_system(tiny_bundle.folder)
    given = {"cost": 0.229, "cost_at_split_share": 0.274, "abstained": 0.3, "outlier_share": 0.31}
    told = manifest.model_copy(update={"metrics": given})
    card = model_card(told, system.policy, phantom_spec)
    assert "mean clinical cost, at the stated prevalence of outliers | 0.229" in card
    assert "mean clinical cost, with the validation split's own outliers | 0.274" in card
    assert f"outlier prevalence of {system.policy.outlier_prevalence:.0%}" in card.replace(
        "\n", " "
    )
