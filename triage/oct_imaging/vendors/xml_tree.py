"""Parser of untrusted XML: no document type, so no entities and no external content."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from triage.oct_imaging.vendors.source import damaged, unsupported

_MAX_DEPTH = 32
_MAX_ELEMENTS = 200_000  # with attributes; 1024 B-scans of 19 boundaries have half as many
_MAX_TAG = 2**20  # bytes without a whole tag, comment or instruction
_BLOCK = 2**16


def parse_xml(data: bytes) -> Element:
    """Parse a file's bytes.

    Parameters
    ----------
    data : bytes
        UTF-8, or UTF-16 with its byte order mark. Bytes that are neither are replaced: exports
        write names in the code page of their machine, and no name is used.

    Returns
    -------
    xml.etree.ElementTree.Element

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for a document type declaration, with which all attacks by
        entities begin; `UNREADABLE` for what is no XML or has more elements than any export.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    # Without, every line end and every reference becomes a text of its own.
    parser.buffer_text = True
    depth = elements = fed = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1 + len(attributes)
        if depth > _MAX_DEPTH or elements > _MAX_ELEMENTS:
            raise damaged("The XML has more or deeper elements than any export.")
        builder.start(tag, {})  # no attribute is used

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: Any) -> None:
        raise unsupported(
            "The XML declares a document type or entities, which exports never do.",
            "Export the scan again from the device's software.",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        for text, last in _texts(data):
            # a str, so that a declared encoding is ignored
            parser.Parse(text, last)
            fed += len(text.encode())
            # The parser keeps a tag until it is whole.
            if fed - parser.CurrentByteIndex > _MAX_TAG:
                raise damaged("The XML has a longer tag than any export.")
    except expat.ExpatError:
        raise damaged("The XML is damaged or ends too early.") from None
    return builder.close()


def _texts(data: bytes) -> Iterator[tuple[str, bool]]:
    """Decode in pieces, as one wide character makes a whole str four times as large."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    decoder = getincrementaldecoder("utf-16" if wide else "utf-8-sig")(errors="replace")
    for start in range(0, len(data), _BLOCK):
        last = start + _BLOCK >= len(data)
        yield decoder.decode(data[start : start + _BLOCK], last), last
