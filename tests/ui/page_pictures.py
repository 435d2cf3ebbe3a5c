"""Pictures of the pages over generated cases, for the documentation.

`python -m tests.ui.page_pictures docs/images` serves a generated database and writes a JPEG of each
page in a window of 1280 by 800 pixels, of at most 120 KB.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.ui.browser import CHROMIUM, serve
from tests.ui.every_page import every_page, settled
from tests.ui.make_accounts import PASSWORD
from tests.ui.make_every_page import fill_every_page
from tests.ui.make_oct import FULL
from ui.serving.settings import ServingSettings

MOST_BYTES = 120_000
"""Of a picture."""
WINDOW = (1280, 800)
"""In CSS pixels."""
NAMES = {
    "worklist": "page_worklist",
    "case before the reveal": "page_first_read",
    "case after the reveal": "page_reveal",
    "abstention": "page_abstention",
    "OCT case after the reveal": "oct_page",
    "answer in an adjudication": "page_adjudication",
    "sign-off": "page_sign_off",
    "letter": "page_letter",
    "governance": "page_governance",
    "audits": "page_audits",
    "monitoring": "page_monitoring",
}
"""File of each page that the documentation shows."""

_PICTURES_IN_VIEW = """
() => {
    const roots = [document, ...[...document.querySelectorAll('*')]
        .map((one) => one.shadowRoot).filter(Boolean)];
    return roots.flatMap((root) => [...root.querySelectorAll('img')])
        .filter((one) => one.getBoundingClientRect().top < innerHeight)
        .every((one) => one.complete && one.naturalWidth > 0);
}
"""
"""Whether the pictures that are loaded when they come into view have been."""


def write_pictures(folder: Path, *, scan: tuple[int, int, int] = FULL, side: int = 640) -> None:
    """Write the pictures of `NAMES` into a folder.

    Parameters
    ----------
    folder : path
    scan, side
        Size of the generated images; see `fill_every_page`.
    """
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as made_in:
        work = Path(made_in)
        (work / "uploads").mkdir()
        made = fill_every_page(work, PASSWORD, scan, side, long_names=False)
        settings = ServingSettings(uploads=work / "uploads", audits=work / "audits")
        with serve(made.url, work, settings) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            pages = [
                browser.new_context(viewport={"width": WINDOW[0], "height": WINDOW[1]}).new_page()
                for _ in range(2)
            ]
            for page in pages:
                page.set_default_timeout(120_000)
            for shown in every_page(pages[0], pages[1], address, made, PASSWORD):
                if shown.name in NAMES:
                    settled(shown.page)
                    shown.page.wait_for_function(_PICTURES_IN_VIEW)
                    shown.page.wait_for_timeout(500)  # what fades in has appeared
                    picture = Image.open(io.BytesIO(shown.page.screenshot()))
                    (folder / f"{NAMES[shown.name]}.jpg").write_bytes(jpeg(picture))
            browser.close()


def jpeg(picture: Image.Image) -> bytes:
    """Return a picture as the best JPEG that is small enough."""
    for quality in range(88, 30, -4):
        stream = io.BytesIO()
        picture.convert("RGB").save(stream, "JPEG", quality=quality, optimize=True)
        if stream.tell() <= MOST_BYTES:
            return stream.getvalue()
    raise ValueError("the picture is too large")


if __name__ == "__main__":
    write_pictures(Path(sys.argv[1]))
