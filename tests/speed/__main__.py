"""Run every benchmark: `python -m tests.speed` on a quiet machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from tests.speed import (
    command_line,
    decoder_workers,
    ensemble_scoring,
    growth_with_cases,
    photograph_scoring,
    score_throughput,
)
from tests.speed.timing import seconds
from triage.heads import HEADS, Head, HeadKind
from triage.models.case_inputs import ImageInputs
from triage.models.load_backbone import load_backbone
from triage.models.network import CaseNetwork
from triage.models.settings import FitSettings
from triage.models.training import Labelled, fit
from triage.phantoms.skin import generate_cases
from triage.systems.photographs.member_selection import select_diverse
from triage.uncertainty.scores.outlier_mass import OutlierMass


def finetune_epoch(precision: str, channels_last: bool, reference: str = "monai:resnet18") -> float:
    """Seconds of one training epoch on 256 random images of 96 px."""
    backbone = load_backbone(reference)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    backbone.network.to(memory_format=layout)
    pixels = torch.randint(0, 256, (256, 96, 96, 3), dtype=torch.uint8)
    inputs = ImageInputs(pixels, torch.ones(256, dtype=torch.long), backbone.preprocessing)
    if not channels_last:
        inputs.batch = _contiguous(inputs.batch)  # type: ignore[method-assign]
    network = CaseNetwork(backbone, Head(backbone.width, 4, 0, 0.0), freeze_normalisation=False)
    data = Labelled(inputs, torch.arange(256) % 4)
    held = Labelled(
        ImageInputs(pixels[:8], torch.ones(8, dtype=torch.long), backbone.preprocessing),
        torch.arange(8) % 3,
    )

    def epoch() -> None:
        fit(
            network,
            data,
            held,
            loss=lambda logits, targets: HEADS[HeadKind.HOD].loss(logits, targets, 3),
            n_inliers=3,
            seed=0,
            precision=precision,
            settings=FitSettings(epochs=1, batch_size=32, learning_rate=1e-4),
        )

    return seconds(epoch)


def _contiguous(
    batch: Callable[..., tuple[torch.Tensor, torch.Tensor, int]],
) -> Callable[..., object]:
    def plain(*arguments: object) -> object:
        pixels, owner, n_cases = batch(*arguments)
        return pixels.contiguous(memory_format=torch.contiguous_format), owner, n_cases

    return plain


def main() -> None:
    """Print one line a benchmark."""
    plain = finetune_epoch("float32", channels_last=False)
    last = finetune_epoch("float32", channels_last=True)
    half = finetune_epoch("bfloat16", channels_last=True)
    print(f"fine-tuning ResNet-18, 96 px, 256 images an epoch, {torch.get_num_threads()} threads")
    print(f"  float32                {256 / plain:7.0f} images/s   1.00")
    print(f"  float32, channels last {256 / last:7.0f} images/s   {plain / last:.2f}")
    print(f"  bfloat16, channels last{256 / half:7.0f} images/s   {plain / half:.2f}")
    count = sum(len(case.images) for case in generate_cases(100, 0))
    drawn = seconds(lambda: list(generate_cases(100, 0)))
    print(f"phantoms, 128 px, one process: {count / drawn:.0f} images/s")
    rng = np.random.default_rng(0)
    candidates = rng.dirichlet(np.ones(9), size=(1000, 18)).astype(np.float32)
    outliers = rng.random(1000) < 0.3
    chosen = seconds(
        lambda: select_diverse(candidates, outliers, lambda _, p: OutlierMass().of(p, 5), 9)
    )
    print(f"diverse selection of 9 from 18 candidates on 1,000 cases: {chosen:.2f} s")
    command_line.main()
    decoder_workers.main()
    ensemble_scoring.main()
    photograph_scoring.main()
    score_throughput.main()
    growth_with_cases.main()


if __name__ == "__main__":
    main()
