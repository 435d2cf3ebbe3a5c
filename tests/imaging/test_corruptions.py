"""Stock corruptions: the same for the same image, worse with severity, far ones leave nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image
from scipy.signal import fftconvolve

from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.imaging.corruptions import (
    CORRUPTIONS,
    FAR,
    Corruption,
    Kind,
    corruption,
    parse_corruption,
)

RANDOM = {
    "gaussian_noise", "motion_blur", "brightness", "colour_cast", "shuffled_tiles", "phase_noise",
}  # fmt: skip
MODERATE = [name for name, stock in CORRUPTIONS.items() if stock.kind is Kind.MODERATE]
FAR_NAMES = [name for name, stock in CORRUPTIONS.items() if stock.kind is Kind.FAR]
ALL = [
    Corruption(name, severity + 1)
    for name, stock in CORRUPTIONS.items()
    for severity in range(len(stock.strengths))
]


def skin(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    """A dark spot with fine texture on a light ground, uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] - rng.uniform(25, 40, (2, 1, 1))
    spot = 1 / (1 + np.exp((np.hypot(y, x) - 14) / 2))
    colour = np.array([205, 160, 140]) - spot[..., None] * np.array([90, 100, 85])
    texture = rng.integers(0, 50, (height, width, 1))
    return np.clip(colour - texture, 0, 255).astype(np.uint8)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def test_the_table_has_both_kinds() -> None:
    assert len(MODERATE) == 8
    assert FAR.name in FAR_NAMES
    assert all(len(CORRUPTIONS[name].strengths) == 5 for name in MODERATE)
    assert all(stock.title and stock.source and stock.unit for stock in CORRUPTIONS.values())


@pytest.mark.parametrize("given", ALL, ids=str)
@pytest.mark.parametrize("shape", [(64, 64), (47, 61), (16, 16)], ids=str)
def test_a_frame_stays_a_frame_and_the_original_as_it_was(
    given: Corruption, shape: tuple[int, int]
) -> None:
    frame = skin(0, *shape)
    before = frame.copy()
    frame.setflags(write=False)
    found = given.apply(frame, "a" * 64)
    assert found.shape == frame.shape
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert np.array_equal(frame, before)
    assert not np.array_equal(found, frame) or min(shape) < 32  # an eighth of a pixel is nothing


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_happens_follows_from_the_image_alone(name: str) -> None:
    given = Corruption(name, 1)
    frame = skin(1)
    np.random.seed(0)
    first = given.apply(frame, "a" * 64)
    np.random.seed(1)
    assert np.array_equal(first, given.apply(frame, "a" * 64))
    others = [given.apply(frame, character * 64) for character in "bcdefg"]
    assert any(not np.array_equal(first, other) for other in others) is (name in RANDOM)


@pytest.mark.parametrize("name", MODERATE)
def test_higher_severity_is_further_away(name: str) -> None:
    stock = CORRUPTIONS[name]
    for seed in range(4):
        frame = skin(seed)
        moved = [
            distance(stock.function(frame, strength, np.random.default_rng(seed)), frame)
            for strength in stock.strengths
        ]
        assert moved == sorted(moved)
        assert len(set(moved)) == len(moved)


@pytest.mark.parametrize("name", MODERATE)
def test_moderate_ones_leave_the_subject(name: str) -> None:
    """Seen coarsely and whatever its brightness, the picture is the same up to severity 3."""
    frame = skin(2)
    found = Corruption(name, 3).apply(frame, "a" * 64)
    assert likeness(frame, found) > 0.9


@pytest.mark.parametrize("name", FAR_NAMES)
def test_far_ones_leave_nothing_of_the_subject(name: str) -> None:
    given = Corruption(name, 1)
    alike = []
    for seed in range(10):
        frame = skin(seed)
        found = given.apply(frame, f"{seed}" * 64)
        alike.append(likeness(frame, found))
        assert distance(found, frame) > 50
        # Skin is reddest; what is inverted is not.
        assert found[..., 0].mean() < found[..., 2].mean()
    assert abs(np.mean(alike)) < 0.3


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of luma at 8 x 8 px."""
    small = [np.asarray(Image.fromarray(x).convert("L").resize((8, 8))).ravel() for x in (a, b)]
    return float(np.corrcoef(small)[0, 1])


def test_tiles_are_permuted_and_inverted_and_nothing_else() -> None:
    frame = skin(3)
    found = Corruption("shuffled_tiles", 1).apply(frame, "a" * 64)

    def tiles(image: np.ndarray) -> list[bytes]:
        return [image[y : y + 8, x : x + 8].tobytes() for y in range(0, 64, 8)
                for x in range(0, 64, 8)]  # fmt: skip

    assert sorted(tiles(255 - frame)) == sorted(tiles(found))
    stayed = sum(a == b for a, b in zip(tiles(255 - frame), tiles(found), strict=True))
    assert stayed < 8


def test_phase_noise_keeps_the_power_of_the_spectrum() -> None:
    frame = (skin(4) // 2 + 64).astype(np.uint8)  # far from 0 and 255: nothing is cut off
    found = Corruption("phase_noise", 1).apply(frame, "a" * 64)
    size = [np.abs(np.fft.fft2(x.astype(float), axes=(0, 1))) for x in (frame, found)]
    rounding = 64 / np.sqrt(12)  # what whole numbers add to a coefficient, one deviation
    assert np.abs(size[0] - size[1]).reshape(-1, 3)[1:].max() < 6 * rounding
    assert size[0][1, 0].min() > 30 * rounding
    assert np.allclose(found.mean((0, 1)), 255 - frame.mean((0, 1)), atol=0.5)


def test_motion_blur_is_a_line_through_the_middle() -> None:
    """The response to a single bright pixel, against its width and its mass."""
    frame = np.zeros((101, 101, 3), np.uint8)
    frame[48:53, 48:53] = 255
    found = Corruption("motion_blur", 5).apply(frame, "a" * 64).astype(float)[..., 0]
    assert found.sum() == pytest.approx(25 * 255, rel=0.02)
    y, x = np.nonzero(found > found.max() / 2)
    assert np.hypot(np.ptp(y), np.ptp(x)) == pytest.approx(0.18 * 101, abs=6)
    assert abs(y.mean() - 50) < 1
    assert abs(x.mean() - 50) < 1


def test_noise_has_the_deviation_of_the_table() -> None:
    frame = np.full((160, 160, 3), 128, np.uint8)
    for severity, strength in enumerate(CORRUPTIONS["gaussian_noise"].strengths, 1):
        noise = Corruption("gaussian_noise", severity).apply(frame, "a" * 64).astype(float) - 128
        assert abs(noise.mean()) < 0.5
        assert noise.std() == pytest.approx(255 * strength, rel=0.03)


def test_blur_has_the_deviation_of_the_table() -> None:
    """Pillow's blur is made of boxes; on a step it stays within 2 grey levels of a Gaussian."""
    frame = np.zeros((160, 160, 3), np.uint8)
    frame[:, 80:] = 200
    found = Corruption("gaussian_blur", 3).apply(frame, "a" * 64)[80, :, 0].astype(float)
    reach = np.arange(-20, 21)
    bell = np.exp(-0.5 * (reach / (0.020 * 160)) ** 2)
    expected = fftconvolve(frame[80, :, 0].astype(float), bell / bell.sum(), mode="same")
    assert np.abs(found - expected)[30:130].max() < 4


def test_a_cast_shifts_hue_and_keeps_the_product_of_channels() -> None:
    frame = np.full((4, 4, 3), 128, np.uint8)
    hues = [Corruption("colour_cast", 3).apply(frame, f"{n:064d}")[0, 0] for n in range(20)]
    for hue in hues:
        gains = np.log(hue / 128) * 2.2
        assert gains.sum() == pytest.approx(0, abs=0.04)
        assert np.linalg.norm(gains) == pytest.approx(0.45, abs=0.03)
    assert len({tuple(hue) for hue in hues}) > 15


def test_memory_is_a_few_frames() -> None:
    frame = skin(0, 160, 160)
    for given in ALL:
        given.apply(frame, "a" * 64)
        tracemalloc.start()
        given.apply(frame, "b" * 64)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 80 * frame.nbytes


def test_written_form() -> None:
    for given in ALL:
        assert parse_corruption(str(given)) == given
    assert parse_corruption(" jpeg:3 ") == Corruption("jpeg", 3)
    assert parse_corruption(FAR.name) == FAR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jpg:3", "Did you mean jpeg?"),
        ("colour_cst:1", "Did you mean colour_cast?"),
        ("snow:1", "There are gaussian_noise"),
        ("jpeg:0", "Choose 1 to 5"),
        ("jpeg:6", "Choose 1 to 5"),
        ("shuffled_tiles:2", "severity 1 only"),
        ("jpeg", "name:severity"),
        ("jpeg:", "name:severity"),
        ("jpeg:-1", "name:severity"),
        ("jpeg:1.5", "name:severity"),
        ("jpeg:²", "name:severity"),
        ("", "name:severity"),
        (":", "name:severity"),
    ],
)
def test_what_is_no_corruption_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        parse_corruption(text)


@pytest.mark.parametrize("severity", [True, 2.0, "2", None])
def test_a_severity_is_a_whole_number(severity: object) -> None:
    with pytest.raises(UsageError, match="no severity"):
        Corruption("jpeg", severity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frame",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8),
     np.zeros((1, 4, 4, 3), np.uint8)],
)  # fmt: skip
def test_what_is_no_frame_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frame must be"):
        FAR.apply(frame, "a" * 64)


def test_digests_tell_all_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({given.digest for given in ALL}) == len(ALL)
    assert len({given.key(image) for given in ALL for image in "ab"}) == 2 * len(ALL)
    before = FAR.digest
    monkeypatch.setattr(corruption, "_FORMAT", "triage-corruptions-2")
    assert FAR.digest != before


def test_the_same_bytes_as_when_this_was_written() -> None:
    """Embeddings are kept under the digest: whoever changes what is done must change it too."""
    assert Corruption("jpeg", 3).digest[:16] == "70bf1b98bdcb32b1"
    frame = np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3)
    assert hash_bytes(FAR.apply(frame, "a" * 64).tobytes())[:16] == "c53c58d56690a87e"
