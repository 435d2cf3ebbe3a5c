"""Template environment of HTML pages: escaped, printable, undefined names are errors."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from triage.printable import printable


def page_environment(package: str) -> Environment:
    """Return the environment of the templates of a package, with the style that all pages share.

    Parameters
    ----------
    package : str
        Dotted name of the package whose folder `templates` holds the page.

    Notes
    -----
    Text of data, such as names of conditions and of levels, is escaped as HTML, and unprintable
    characters in it, such as marks that change the direction of writing, are shown as escapes.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("triage.charts")]),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return "\n".join(map(printable, value.split("\n")))
    return value
