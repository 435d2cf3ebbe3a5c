"""Picture statistics in the place of an embedding: read, computed and kept as embeddings are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import OpenedImage, Preprocessing
from triage.hashing import hash_json
from triage.imaging.picture_statistics import NAMES, SIDE, VERSION, picture_statistics


class PictureStatistics(Backbone):
    """A backbone without a network, whose embedding is `picture_statistics`.

    Whatever embeds pictures and keeps embeddings by their content serves it. A file of several
    frames has the mean of their statistics.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Identity(),
            reference="picture statistics",
            width=len(NAMES),
            preprocessing=Preprocessing(SIDE),
            architecture={"library": "scikit-image"},
        )

    def embed_views(self, images: Sequence[OpenedImage]) -> NDArray[np.float32]:
        """Describe opened files, float32 [I, 1, S]."""
        found = [
            np.mean([picture_statistics(frame) for frame in image.frames], axis=0)
            for image in images
        ]
        return np.stack(found)[:, None].astype(np.float32)

    def digest(self) -> str:
        """Hash of what is computed, and at which size."""
        return hash_json([VERSION, self.preprocessing.digest])
