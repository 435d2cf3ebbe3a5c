"""A reading of an OCT volume for the viewer: tissue maps, measurements, probabilities."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.measurements.columns import column_counts
from triage.measurements.etdrs import CENTRE, DIAMETERS
from triage.measurements.macula import fovea
from triage.measurements.thickness import bare_columns
from triage.oct_imaging import Flag
from triage.oct_reading import Measurement, OctReading
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue
from ui.payload import Payload
from ui.words import URGENCIES, frequency, plain_name

_URGENCY_NAMES = {str(urgency): name for urgency, name in URGENCIES.items()}
_THICKNESS = (150, 550)  # um at the ends of the colour bar: the same for all, to compare cases
_NO_REFERENCE = "No reference of healthy eyes is configured, so no value is marked as unusual."
_NOWHERE = 65_535  # uint16 where there is no thickness
_DISAGREEMENT = (255, 255, 255)
_SMALLEST_PART = 0.35
"""Share of a B-scan's sides below which a part is not enlarged further."""
_VIRIDIS = (
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#fde725",
)
"""Colours of Viridis (Smith and van der Walt 2015) at equal distances."""
_UNITS = {"um": "µm", "mm2": "mm²", "mm3": "mm³"}


def describe_reading(
    reading: OctReading, payload: Payload, *, with_opinion: bool, superior_first: bool
) -> dict[str, Any]:
    """Add a reading's pictures to a payload and return the header that describes them.

    Parameters
    ----------
    reading : OctReading
    payload : Payload
        To which PNGs are added: for each B-scan the mean map above those of the instances, and
        the disagreement; the thickness map, with its values as uint16.
    with_opinion : bool
        Whether the system gave an opinion. No probability is sent of an abstention, because it
        would be read as an opinion.
    superior_first : bool
        Whether the first B-scan is the uppermost.
    """
    maps = np.concatenate([reading.tissue[None], reading.hypotheses])
    shares = _shares(maps)
    present = [tissue for tissue in Tissue if shares[..., tissue].any()]
    differing = np.array([(mask > 0).mean() for mask in reading.disagreement])
    most = int(differing.argmax())
    facts = reading.facts
    return {
        "tissues": [{"name": tissue.title, "colour": tissue.colour} for tissue in present],
        "background": present.index(Tissue.VITREOUS) if Tissue.VITREOUS in present else -1,
        "shares": shares[..., present].round(2).tolist(),
        "maps": [
            payload.add(_label_png(maps[:, s].reshape(-1, maps.shape[-1])))
            for s in range(maps.shape[1])
        ],
        "instances": len(reading.hypotheses),
        "disagreement": [payload.add(_mask_png(mask)) for mask in reading.disagreement],
        "differing": differing.round(4).tolist(),
        "most_differing": most,
        "differing_part": _part(reading.disagreement[most]),
        "thickness": _thickness(reading, payload),
        "grid": _grid(reading, superior_first=superior_first),
        "measurements": [_row(measurement) for measurement in facts.measurements],
        "reference": _NO_REFERENCE,
        "warnings": [Flag(flag).sentence for flag in facts.flags if flag in {*Flag}],
        "referral": _referral(reading) if with_opinion else [],
        "diagnoses": _diagnoses(reading) if with_opinion else [],
    }


def _shares(maps: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Per cent of each B-scan's area by tissue, for the mean and each instance: [1 + M, S, 15]."""
    counts = [
        [np.bincount(bscan.ravel(), minlength=len(Tissue))[: len(Tissue)] for bscan in one]
        for one in maps
    ]
    return np.asarray(100 * np.array(counts) / maps[0, 0].size, dtype=np.float64)


def _part(mask: NDArray[np.uint8]) -> list[float]:
    """Left, top, width and height, as shares, of the part of a B-scan that holds a mask."""
    ends = []
    for axis in (0, 1):
        held = np.flatnonzero(mask.any(axis=axis)) / mask.shape[1 - axis]
        low, high = (held[0], held[-1]) if len(held) else (0.0, 1.0)
        long = min(max(1.3 * (high - low), _SMALLEST_PART), 1.0)
        ends.append((min(max((low + high - long) / 2, 0.0), 1.0 - long), long))
    (left, wide), (top, tall) = ends
    return [round(float(share), 4) for share in (left, top, wide, tall)]


def _label_png(labels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(labels).convert("L")
    image.putpalette([int(tissue.colour[at : at + 2], 16) for tissue in Tissue for at in (1, 3, 5)])
    # The vitreous is transparent: the map must not cover the picture in front of the retina.
    opaque = [0 if tissue is Tissue.VITREOUS else 255 for tissue in Tissue]
    return _png(image, transparency=bytes(opaque))


def _mask_png(mask: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(mask).convert("L")
    image.putpalette(list(_DISAGREEMENT) * 256)
    return _png(image, transparency=bytes(range(256)))


def _png(image: Image.Image, **options: bytes) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6, **options)
    return stream.getvalue()


def _thickness(reading: OctReading, payload: Payload) -> dict[str, Any] | None:
    """The thickness map as a picture and as numbers; None where nothing could be measured."""
    known = np.isfinite(reading.thickness)
    if not known.any():
        return None
    low, high = _THICKNESS
    ramp = _ramp()
    shares = (np.where(known, reading.thickness, low) - low) / (high - low)
    coloured = ramp[np.clip(shares * 255, 0, 255).astype(int)]
    opaque = np.where(known, 255, 0).astype(np.uint8)[..., None]
    return {
        "picture": payload.add(_png(Image.fromarray(np.concatenate([coloured, opaque], axis=-1)))),
        "values": payload.add(_numbers(reading.thickness)),
        "spreads": payload.add(_numbers(reading.thickness_spread)),
        "columns": reading.thickness.shape[1],
        "low": low,
        "high": high,
        "colours": [f"rgb({r},{g},{b})" for r, g, b in ramp[:: len(ramp) // 15]],
    }


def _ramp() -> NDArray[np.uint8]:
    """The 256 colours of Viridis: perceptually uniform and safe for colour-blind readers."""
    anchors = np.array([[int(c[at : at + 2], 16) for at in (1, 3, 5)] for c in _VIRIDIS])
    places = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(places, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _grid(reading: OctReading, *, superior_first: bool) -> dict[str, Any] | None:
    """The ETDRS grid as shares of the map, with the measured fields; None without fovea or scale.

    The values are those of the measurements; only their positions are computed here.
    """
    spacing = reading.facts.spacing
    if spacing is None:
        return None
    bare = bare_columns(column_counts(reading.tissue))
    centre = fovea(reading.thickness, spacing[0], spacing[2], bare)
    if centre is None:
        return None
    count, columns = reading.thickness.shape
    # mm to shares of the map, rows growing downwards or upwards on the eye
    across, down = 1 / (columns * spacing[2]), 1 / (count * spacing[0])
    middle = ((centre[1] + 0.5) / columns, (centre[0] + 0.5) / count)
    values = {row.name.removesuffix(" thickness"): row.value for row in reading.facts.measurements}
    fields = []
    for name, (x, y) in _field_places(reading.facts.laterality).items():
        if (value := values.get(name)) is not None:
            place = (middle[0] + x * across, middle[1] + (y if superior_first else -y) * down)
            fields.append({"at": place, "text": f"{value:.0f}", "name": name})
    return {
        "centre": middle,
        "radii": [(diameter / 2 * across, diameter / 2 * down) for diameter in DIAMETERS],
        "fields": fields,
        "text": ", ".join(f"{field['name']} {field['text']} µm" for field in fields),
    }


def _field_places(laterality: str | None) -> dict[str, tuple[float, float]]:
    """Middle of each field in mm from the fovea: x to the right, y downwards."""
    sides = {"R": ("temporal", "nasal"), "L": ("nasal", "temporal")}
    left, right = sides.get(laterality or "", ("left", "right"))
    ways = {"superior": (0, -1), "inferior": (0, 1), left: (-1, 0), right: (1, 0)}
    inner, middle, outer = (diameter / 2 for diameter in DIAMETERS)
    rings = {"inner": (inner + middle) / 2, "outer": (middle + outer) / 2}
    places = {CENTRE: (0.0, 0.0)}
    for ring, far in rings.items():
        places |= {f"{ring} {name}": (x * far, y * far) for name, (x, y) in ways.items()}
    return places


def _numbers(values: NDArray[np.float32]) -> bytes:
    whole = np.where(np.isfinite(values), np.clip(values, 0, _NOWHERE - 1), _NOWHERE)
    return whole.round().astype("<u2").tobytes()


def _row(measurement: Measurement) -> list[str]:
    low, high = measurement.low, measurement.high
    spread = "" if low is None or high is None else f"{_short(low)} to {_short(high)}"
    value = "not measured" if measurement.value is None else _short(measurement.value)
    return [
        plain_name(measurement.name),
        value,
        _UNITS.get(measurement.unit, measurement.unit),
        spread,
        "no reference",
    ]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _referral(reading: OctReading) -> list[dict[str, Any]]:
    """Each referral class's probability by every pair; all outlier classes are one row."""
    inliers = reading.facts.n_inliers
    rows = [
        (_URGENCY_NAMES.get(name, plain_name(name)), reading.referral[..., place])
        for place, name in enumerate(reading.facts.classes[:inliers])
    ]
    if len(reading.facts.classes) > inliers:
        rows.append(("None it knows", reading.referral[..., inliers:].sum(axis=-1)))
    return [_probabilities(name, pairs) for name, pairs in rows]


def _diagnoses(reading: OctReading) -> list[dict[str, Any]]:
    """Each diagnosis's probability by every pair, times that of a known scan, as on the card."""
    known = np.float32(1.0 - reading.facts.p_unfamiliar)
    rows = [
        _probabilities(plain_name(DIAGNOSES.get(name, name)), known * reading.diagnoses[..., place])
        for place, name in enumerate(reading.facts.diagnoses)
    ]
    return sorted(rows, key=lambda row: -float(row["mean"]))


def _probabilities(name: str, pairs: NDArray[np.float32]) -> dict[str, Any]:
    """One row: probabilities [M, R] of all pairs, with their mean and range, also as text."""
    mean, low, high = (float(of(pairs)) for of in (np.mean, np.min, np.max))
    return {
        "name": name,
        "pairs": np.clip(pairs, 0, 1).astype(float).round(3).tolist(),
        "mean": round(mean, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "frequency": frequency(mean),
        "spread": f"{100 * low:.0f} to {100 * high:.0f}",
    }
