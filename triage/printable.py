"""Text from outside made fit for a terminal, a log or a table.

Names of files and cells of tables may hold escape sequences that rewrite a terminal, line breaks
that forge a line of output, marks that turn the direction of writing, and surrogates that no
encoding takes.
"""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    r"""Return text with everything that does not print as itself written as an escape.

    Parameters
    ----------
    text : str
        One line; a line break counts as unprintable.

    Returns
    -------
    str
        Control and format characters, surrogates, private and unassigned characters and
        separators of lines as Python writes them: ``\x1b``, ``\n``, ``\u202e``. Blanks of any
        width stay, and so does everything that is printable already, backslashes too.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or unicodedata.category(character) == "Zs"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
