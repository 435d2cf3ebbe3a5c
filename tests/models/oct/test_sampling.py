import numpy as np

from triage.models.oct.sampling import COMMON, informative_bscans, part_held_out, rarity


def volume() -> np.ndarray:
    tissue = np.zeros((12, 20, 20), dtype=np.uint8)
    tissue[:, 10:] = 1
    tissue[5, 2, 2:6] = 2  # a rare tissue in one B-scan alone
    tissue[9, 2, 2] = 2
    return tissue


def test_only_rare_tissues_are_worth_anything_and_rarer_ones_more() -> None:
    worth = rarity([volume()], 4)
    assert (worth[:2] == 0).all()
    share = 5 / volume().size
    assert share < COMMON
    assert np.isclose(worth[2], share**-0.5)
    assert worth[3] == 0  # never there: nothing to learn from


def test_half_are_even_and_half_hold_the_rare_tissue() -> None:
    worth = rarity([volume()], 4)
    for number in range(7):
        chosen = informative_bscans(volume(), 4, worth, number)
        assert len(set(chosen.tolist())) == 4
        assert (np.diff(chosen) > 0).all()
        assert 5 in chosen
        assert 9 in chosen


def test_over_many_volumes_every_position_is_seen() -> None:
    plain = np.zeros((12, 4, 4), dtype=np.uint8)
    worth = rarity([plain], 4)
    seen = {int(n) for number in range(7) for n in informative_bscans(plain, 4, worth, number)}
    assert len(seen) >= 8


def test_a_short_volume_gives_all_it_has() -> None:
    assert informative_bscans(volume()[:3], 4, np.zeros(4), 0).tolist() == [0, 1, 2]


def test_every_eighth_item_is_held_out_and_none_is_lost() -> None:
    rest, held_out = part_held_out(range(17))
    assert held_out == [0, 8, 16]
    assert sorted(rest + held_out) == list(range(17))
