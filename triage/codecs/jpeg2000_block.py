"""Number of bytes that a JPEG 2000 code-block needs, from its coding passes.

ITU-T T.800 annex C (arithmetic decoder) and annex D (coding passes).
"""

from __future__ import annotations

from itertools import product

# Table C.2: probability, next state if more and if less probable, exchange of the symbols.
_STATES = (
    (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0),
    (0x0521, 5, 29, 0), (0x0221, 38, 33, 0), (0x5601, 7, 6, 1), (0x5401, 8, 14, 0),
    (0x4801, 9, 14, 0), (0x3801, 10, 14, 0), (0x3001, 11, 17, 0), (0x2401, 12, 18, 0),
    (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1), (0x5401, 16, 14, 0),
    (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0),
    (0x3001, 21, 19, 0), (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0),
    (0x1C01, 25, 22, 0), (0x1801, 26, 23, 0), (0x1601, 27, 24, 0), (0x1401, 28, 25, 0),
    (0x1201, 29, 26, 0), (0x1101, 30, 27, 0), (0x0AC1, 31, 28, 0), (0x09C1, 32, 29, 0),
    (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0), (0x02A1, 36, 33, 0),
    (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0),
    (0x0049, 41, 38, 0), (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0),
    (0x0005, 45, 42, 0), (0x0001, 45, 43, 0), (0x5601, 46, 46, 0),
)  # fmt: skip
_RUN, _UNIFORM = 17, 18  # contexts (table D.7), the others as in tables D.1 to D.4
_FIRST_STATES = {0: 4, _RUN: 3, _UNIFORM: 46}
_SIGN_CONTEXTS = {(1, 1): 13, (1, 0): 12, (1, -1): 11, (0, 1): 10, (0, 0): 9}
_SIGNIFICANCE, _REFINEMENT, _CLEAN_UP = range(3)


def _significance_context(band: str, horizontal: int, vertical: int, diagonal: int) -> int:
    """Table D.1."""
    if band == "HH":
        straight = horizontal + vertical
        if diagonal >= 2:
            return 8 if diagonal > 2 else 7 if straight else 6
        return 3 * diagonal + min(straight, 2)
    if band == "HL":
        horizontal, vertical = vertical, horizontal
    if horizontal == 2:
        return 8
    if horizontal == 1:
        return 7 if vertical else 6 if diagonal else 5
    return 2 + vertical if vertical else min(diagonal, 2)


_ZERO_CODING = {
    band: {
        sums: _significance_context(band, *sums) for sums in product(range(3), range(3), range(5))
    }
    for band in ("LL", "HL", "LH", "HH")
}


def bytes_left(
    data: bytes, band: str, width: int, height: int, passes: int, *, symbols: bool = False
) -> int:
    """Decode a code-block and return the number of unused bytes.

    Parameters
    ----------
    data : bytes
        Its code, one segment.
    band : {'LL', 'HL', 'LH', 'HH'}
        Its sub-band.
    width, height : int
    passes : int
        Number of coding passes, from the first clean-up pass on.
    symbols : bool
        Whether a segmentation symbol ends each clean-up pass.

    Returns
    -------
    int
        Of bytes that are needed beyond the end, the negative number; one or two are usual, since
        encoders leave out what the decoder adds.
    """
    coder = _Arithmetic(data)
    block = _Block(coder, band, width, height)
    for number in range(passes):
        kind = (number + _CLEAN_UP) % 3
        block.run(kind)
        if kind == _CLEAN_UP and symbols:
            for _ in range(4):
                coder.decide(_UNIFORM)
    return len(data) - coder.position if coder.position < len(data) else -coder.added


class _Arithmetic:
    """The arithmetic decoder (C.3)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.added = data + b"\xff\xff", 0, 0
        self.end = len(data)
        self.states = [_FIRST_STATES.get(context, 0) for context in range(19)]
        self.symbols = [0] * 19
        self.code = self.data[0] << 16
        self.count = 0
        self._next_byte()
        self.code <<= 7
        self.count -= 7
        self.interval = 0x8000

    def _next_byte(self) -> None:
        position, following = self.position, self.position + 1
        stuffed = position < self.end and self.data[position] == 0xFF
        if following >= self.end or (stuffed and self.data[following] > 0x8F):
            self.code += 0xFF00
            self.count = 8
            self.added += 1
            self.position = self.end if following >= self.end else position
            return
        self.position = following
        self.code += self.data[following] << (9 if stuffed else 8)
        self.count = 7 if stuffed else 8

    def decide(self, context: int) -> int:
        """Decode one binary decision."""
        probability, likely, unlikely, exchange = _STATES[self.states[context]]
        symbol = self.symbols[context]
        self.interval -= probability
        if (self.code >> 16) < probability:
            less = self.interval >= probability
            self.interval = probability
        else:
            self.code -= probability << 16
            if self.interval & 0x8000:
                return symbol
            less = self.interval < probability
        if less:
            self.states[context] = unlikely
            if exchange:
                self.symbols[context] = 1 - symbol
            symbol = 1 - symbol
        else:
            self.states[context] = likely
        while not self.interval & 0x8000:
            if not self.count:
                self._next_byte()
            self.interval <<= 1
            self.code = self.code << 1 & 0xFFFFFFFF
            self.count -= 1
        return symbol


class _Block:
    """Significance and signs of a block's coefficients, with a border of zeros."""

    def __init__(self, coder: _Arithmetic, band: str, width: int, height: int) -> None:
        self.decide, self.contexts = coder.decide, _ZERO_CODING[band]
        self.width, self.height, self.stride = width, height, width + 2
        size = self.stride * (height + 2)
        self.significant, self.signs = [0] * size, [0] * size
        self.visited, self.refined = [False] * size, [False] * size

    def run(self, kind: int) -> None:
        """Decode one pass over stripes of four rows (D.1)."""
        step = {_SIGNIFICANCE: self._find, _REFINEMENT: self._refine, _CLEAN_UP: self._clean_up}
        for top in range(0, self.height, 4):
            rows = min(4, self.height - top)
            for column in range(self.width):
                first = (top + 1) * self.stride + column + 1
                step[kind]([first + row * self.stride for row in range(rows)])
        if kind == _CLEAN_UP:
            self.visited = [False] * len(self.visited)

    def _context(self, place: int) -> int:
        significant, above, below = self.significant, place - self.stride, place + self.stride
        return self.contexts[
            significant[place - 1] + significant[place + 1],
            significant[above] + significant[below],
            significant[above - 1]
            + significant[above + 1]
            + significant[below - 1]
            + significant[below + 1],
        ]

    def _find(self, places: list[int]) -> None:
        for place in places:
            if not self.significant[place] and (context := self._context(place)):
                self.visited[place] = True
                if self.decide(context):
                    self._sign(place)

    def _refine(self, places: list[int]) -> None:
        for place in places:
            if self.significant[place] and not self.visited[place]:
                again = self.refined[place]
                self.decide(16 if again else 15 if self._context(place) else 14)
                self.refined[place] = True

    def _clean_up(self, places: list[int]) -> None:
        known = (self.significant[p] or self.visited[p] or self._context(p) for p in places)
        if len(places) == 4 and not any(known):
            if not self.decide(_RUN):
                return
            skipped = 2 * self.decide(_UNIFORM) + self.decide(_UNIFORM)
            self._sign(places[skipped])
            places = places[skipped + 1 :]
        for place in places:
            fresh = not self.significant[place] and not self.visited[place]
            if fresh and self.decide(self._context(place)):
                self._sign(place)

    def _sign(self, place: int) -> None:
        """Decode the sign of a coefficient that has become significant (D.3.2)."""
        signs = self.signs
        horizontal = max(-1, min(1, signs[place - 1] + signs[place + 1]))
        vertical = max(-1, min(1, signs[place - self.stride] + signs[place + self.stride]))
        turned = horizontal < 0 or (horizontal == 0 and vertical < 0)
        key = (-horizontal, -vertical) if turned else (horizontal, vertical)
        signs[place] = -1 if self.decide(_SIGN_CONTEXTS[key]) ^ turned else 1
        self.significant[place] = 1
