"""The Merkle tree hash of RFC 6962 over a growing list.

Reference: B. Laurie, A. Langley and E. Kasper, "Certificate Transparency", RFC 6962, section 2.1.
"""

from __future__ import annotations

from hashlib import sha256

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf, SHA-256(0x00 || data)."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, SHA-256(0x01 || left || right)."""
    return sha256(_NODE + left + right).digest()


class MerkleTree:
    """A tree that leaves are appended to, with its root at every size.

    Only the roots of the complete subtrees are kept, one for each binary digit 1 of the size:
    memory and the time of `root` grow with the logarithm of the size.
    """

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def append(self, data: bytes) -> None:
        """Append a leaf."""
        node = sha256(_LEAF + data).digest()
        size = self.size
        while size & 1:
            node = sha256(_NODE + self._subtrees.pop() + node).digest()
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree hash; that of an empty tree is the SHA-256 of nothing."""
        if not self._subtrees:
            return sha256(b"").digest()
        *larger, node = self._subtrees
        for left in reversed(larger):
            node = node_hash(left, node)
        return node
