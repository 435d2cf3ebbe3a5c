"""Flow diagram: steps below each other, what leaves at each step beside it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.charts.svg import line, picture, rect, text

_LEFT, _WIDE, _TALL, _GAP, _ARM = 8.0, 300.0, 40.0, 30.0, 44.0


def flow_chart(steps: Sequence[tuple[str, str]]) -> Markup:
    """Draw a box for each step, and one beside it for what leaves after it.

    Parameters
    ----------
    steps : sequence of (str, str)
        What there is, and what leaves before the next step, empty where nothing does.
    """
    marks = []
    centre = _LEFT + _WIDE / 2
    for index, (shown, leaves) in enumerate(steps):
        top = 8 + index * (_TALL + _GAP)
        marks.append(rect(_LEFT, top, _WIDE, _TALL, "box"))
        marks.append(text(centre, top + _TALL / 2 + 4, shown, "strong", "middle"))
        if index + 1 < len(steps):
            marks.append(line(centre, top + _TALL, centre, top + _TALL + _GAP, "axis"))
        if leaves:
            middle, right = top + _TALL + _GAP / 2, _LEFT + _WIDE + _ARM
            marks.append(line(centre, middle, right, middle, "axis"))
            marks.append(rect(right, middle - _TALL / 2, 270, _TALL, "box leaves"))
            marks.append(text(right + 14, middle + 4, leaves, "muted"))
    words = "; ".join(f"{shown}, {leaves}" if leaves else shown for shown, leaves in steps)
    height = 16 + len(steps) * _TALL + (len(steps) - 1) * _GAP
    return picture("flow", "Flow of cases", words, _LEFT + _WIDE + _ARM + 278, height, *marks)
