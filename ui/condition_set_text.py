"""The prediction set of a case as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ui.words import condition_name


def condition_set_sentence(conditions: Sequence[str], coverage: float) -> str:
    """Return which conditions the set holds, as plain text.

    Parameters
    ----------
    conditions : sequence of str
        The most probable first; may be empty.
    coverage : float
        Nominal coverage, 0 to 1, over cases of the conditions that the system knows.

    Examples
    --------
    >>> condition_set_sentence(("acne", "melanoma", "eczema"), 0.9)
    'With 90 % coverage: Acne, Melanoma or Eczema.'
    """
    begin = f"With {100 * coverage:.4g} % coverage:"
    names = [condition_name(name) for name in conditions]
    if not names:
        return f"{begin} none of the conditions it knows."
    *others, last = names
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"{begin} {listed}."
