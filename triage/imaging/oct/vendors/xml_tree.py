"""Untrusted XML as an element tree: no document type, so no entities and nothing external."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from triage.imaging.oct.vendors.source import damaged, unsupported

_MAX_DEPTH, _MAX_ELEMENTS = 64, 500_000


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
        entities begin; `UNREADABLE` for what is no XML.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _MAX_DEPTH or elements > _MAX_ELEMENTS:
            raise damaged("The XML has more or deeper elements than any export.")
        builder.start(tag, attributes)

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
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        # a str, for then a declared encoding has no say
        parser.Parse(data.decode("utf-16" if wide else "utf-8-sig", errors="replace"), True)
    except expat.ExpatError:
        raise damaged("The XML is damaged or ends too early.") from None
    return builder.close()
