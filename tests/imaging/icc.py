"""ICC profiles put together byte by byte, apart from the code that is tested."""

from __future__ import annotations

import struct

# Colorants of Display P3 relative to D50, from Apple's "Display P3" profile (4 decimals).
P3_COLORANTS = {
    b"rXYZ": (0.5151, 0.2412, -0.0011),
    b"gXYZ": (0.2920, 0.6922, 0.0419),
    b"bXYZ": (0.1571, 0.0666, 0.7841),
}
D50 = (0.9642, 1.0, 0.8249)


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(space: bytes, tags: dict[bytes, bytes], device: bytes = b"mntr") -> bytes:
    place = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = bytearray(128)
    struct.pack_into(">I", header, 0, place + len(body))
    struct.pack_into(">I4s4s4s", header, 8, 0x04300000, device, space, b"XYZ ")
    header[36:40] = b"acsp"
    header[68:80] = fixed(*D50)
    return bytes(header) + table + body


def display_p3(curve: bytes = SRGB_CURVE) -> bytes:
    tags = {name: xyz(*values) for name, values in P3_COLORANTS.items()}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(b"RGB ", {b"wtpt": xyz(*D50), **tags, **curves})


def grey_gamma(value: float) -> bytes:
    return profile(b"GRAY", {b"wtpt": xyz(*D50), b"kTRC": gamma(value)})
