import numpy as np
import torch

from triage.models.oct.scan_grid import labels_to_grid, to_grid, with_context


def test_a_shrunk_bscan_keeps_its_mean_and_its_halves() -> None:
    bscans = np.zeros((20, 64, 48), dtype=np.uint8)
    bscans[:, 32:] = 200
    small = to_grid(bscans, 16, 16)
    assert small.shape == (20, 16, 16)
    assert small.dtype == np.uint8
    assert abs(float(small.mean()) - 100) < 1
    assert (small[:, :6] == 0).all()
    assert (small[:, 10:] == 200).all()


def test_what_fits_is_not_touched() -> None:
    bscans = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    assert to_grid(bscans, 16, 16) is bscans
    assert labels_to_grid(bscans, 16, 16) is bscans


def test_labels_are_never_mixed() -> None:
    labels = np.zeros((2, 40, 40), dtype=np.uint8)
    labels[:, 10:20] = 14
    small = labels_to_grid(labels, 20, 20)
    assert set(np.unique(small)) == {0, 14}
    assert (small[:, 5:10] == 14).all()
    assert (small == 14).mean() == 0.25


def test_the_last_bscan_stands_in_for_a_missing_neighbour() -> None:
    bscans = torch.arange(4, dtype=torch.uint8)[:, None, None].expand(4, 2, 2) * 50
    found = with_context(bscans, torch.tensor([0, 2, 3]), 3)
    grey = ((found[:, :, 0, 0] + 1) * 127.5).round().long()
    assert grey.tolist() == [[0, 0, 50], [50, 100, 150], [100, 150, 150]]
