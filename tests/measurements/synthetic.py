"""Tissue maps drawn from surfaces, for tests that know what must be measured."""

import numpy as np

from triage.vocabulary.tissues import Tissue


def layered(ilm, rpe, bruch, height, *, retina=Tissue.NEUROSENSORY_RETINA):
    """Paint vitreous, retina, RPE and choroid from three surfaces [S, W] in rows."""
    rows = np.arange(height)[None, :, None]
    ilm, rpe, bruch = (np.asarray(surface)[:, None, :] for surface in (ilm, rpe, bruch))
    tissue = np.full((ilm.shape[0], height, ilm.shape[2]), Tissue.VITREOUS, np.uint8)
    tissue[np.broadcast_to(rows >= ilm, tissue.shape)] = retina
    tissue[np.broadcast_to(rows >= rpe, tissue.shape)] = Tissue.RPE
    tissue[np.broadcast_to(rows >= bruch, tissue.shape)] = Tissue.CHOROID
    return tissue


def flat(count=4, height=40, width=10, ilm=10, rpe=25, bruch=28):
    """Paint the same layers everywhere."""
    surfaces = (np.full((count, width), row) for row in (ilm, rpe, bruch))
    return layered(*surfaces, height)


def macula(eye, count=61, width=128, height=128, spacing=(0.1, 0.004, 6 / 128), centre=(0, 0)):
    """Paint a retina with a pit, thicker on the side of the disc.

    Returns the map and its exact thickness in um, [S, W].
    """
    across = (np.arange(count) - (count - 1) / 2)[:, None] * spacing[0] - centre[0]
    along = (np.arange(width) - (width - 1) / 2)[None, :] * spacing[2] - centre[1]
    radius = np.hypot(across, along)
    nasal = along if eye == "R" else -along
    um = 310 - 100 * np.exp(-((radius / 0.5) ** 2)) - 8 * radius + 8 * nasal
    rpe = np.full(um.shape, 110)
    rows = np.rint(um / (1000 * spacing[1])).astype(int)
    return layered(rpe - rows, rpe, rpe + 4, height), rows * 1000.0 * spacing[1]
