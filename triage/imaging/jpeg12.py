"""12-bit JPEG (Extended, process 4) for pydicom, by GDCM.

GDCM decodes it, but pydicom's own GDCM plugin turns it down, and the other
decoder that has it is GPL.
"""

from __future__ import annotations

from typing import cast

import gdcm
from pydicom import uid
from pydicom.pixels.decoders.base import DecodeRunner, JPEGExtended12BitDecoder

# GDCM writes what it thinks of a file straight to standard error.
gdcm.Trace.DebugOff()
gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()

PLUGIN = "gdcm12"
DECODER_DEPENDENCIES = {uid.JPEGExtended12Bit: ("gdcm>=3.0.24",)}


def is_available(syntax: str) -> bool:
    """Say whether the plugin decodes a transfer syntax (part of pydicom's plugin interface)."""
    return syntax in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """Decode one single-sample frame (part of pydicom's plugin interface)."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    interpretation = gdcm.PhotometricInterpretation.GetPIType(runner.photometric_interpretation)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(interpretation))
    syntax = gdcm.TransferSyntax.GetTSType(str(runner.transfer_syntax))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, runner.bits_stored, runner.bits_stored - 1, 0))
    # GDCM hands bytes over as text with surrogates.
    return cast(bytes, image.GetBuffer().encode("utf-8", "surrogateescape"))


JPEGExtended12BitDecoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))
