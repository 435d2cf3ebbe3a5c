"""SVG primitives of the charts.

Colours come from CSS classes of the page, so one drawing serves light, dark and print.
Everything passes through markupsafe: text from the data can never become markup.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup, escape

from triage.printable import printable


def tag(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return one element; `class_` becomes class, underscores become hyphens.

    Parameters
    ----------
    name : str
        Element name, of ours and never from data.
    children : str
        Escaped unless they are Markup.
    attributes : str or float
        Numbers are written with at most two decimals.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value))
        for key, value in attributes.items()
    )
    content = Markup("").join(escape(_printable(child)) for child in children)
    return Markup("<{}{}>{}</{}>").format(name, written, content, name)


def picture(
    key: str, title: str, description: str, width: float, height: float, *children: Markup
) -> Markup:
    """Return an SVG picture with a title and description for screen readers.

    Parameters
    ----------
    key : str
        Unique on the page.
    title, description : str
        Title and description of the picture.
    width, height : float
        Size in user units; the picture scales with the page.
    """
    return tag(
        "svg",
        tag("title", title, id=f"{key}-title"),
        tag("desc", description, id=f"{key}-desc"),
        *children,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        style=f"max-width:{_plain(width)}px",
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> Markup:
    """Return text with its baseline at y."""
    return tag("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def rect(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """Return a rectangle."""
    return tag("rect", x=x, y=y, width=max(width, 0), height=max(height, 0), class_=class_)


def path(points: list[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Return a polyline or polygon."""
    steps = " L".join(f"{_plain(x)} {_plain(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{' Z' if closed else ''}", class_=class_)


@dataclass(frozen=True)
class Scale:
    """A linear map from values to user units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the position of a value; values outside the range are drawn at its ends."""
        clipped = min(max(value, self.low), self.high)
        return self.start + (clipped - self.low) / (self.high - self.low) * (self.end - self.start)


def round_range(values: list[float], *, within: tuple[float, float]) -> tuple[float, float, float]:
    """Return a low, a high and a step of round numbers around some values."""
    low, high = min(values), max(values)
    if high - low < 1e-6:
        margin = max(abs(low) / 10, 0.05)
        low, high = max(low - margin, within[0]), min(high + margin, within[1])
    span = high - low
    magnitude = 10 ** math.floor(math.log10(span / 3))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if span / (m * magnitude) <= 4)
    bottom = max(within[0], math.floor(low / step) * step)
    top = min(within[1], math.ceil(high / step) * step)
    return bottom, top, step


def ticks(low: float, high: float, step: float) -> list[float]:
    """Return the round numbers of a range, its ends included where they are round."""
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + index) * step for index in range(count)]


def _printable(text: str) -> str:
    return text if isinstance(text, Markup) else printable(text)


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return _printable(value)
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
