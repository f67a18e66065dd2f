"""The trail's tree: RFC 6962 over the records' bytes, its proofs, and the tiles they are read from.

Leaf i is record i + 1. Hashing itself is the standalone verifier's: one code on both sides.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from mfm.verifier import WIDTH, Tampered, leaf_hash, node_hash, root_of

__all__ = ["EMPTY", "Edge", "FullTile", "Range", "Span", "consistency", "consistent", "inclusion"]
__all__ += ["halves", "included", "leaf_hash", "node_hash", "nodes", "root_of", "span_root"]
__all__ += ["tile_of"]

EMPTY = bytes(32)
"""What the first record of a fund names as the one before it."""
HEIGHT = 8
"""Levels of the tree in one tile, of up to 256 hashes (C2SP tlog-tiles)."""

Span = tuple[int, int]
"""Leaves from the first up to, not including, the second."""
Tile = Callable[[int, int], list[bytes]]
"""(level, index) -> a tile's hashes, as many as there are."""


class Range:
    """The roots of a growing tree's full subtrees, largest first: all that appending needs.

    Attributes:
        size: how many leaves there are.
        roots: one for each binary one in the size.
    """

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        """Go on from a size, with its subtrees' roots."""
        self.size = size
        self.roots = list(roots)

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        self.size += 1
        carry = self.size
        while carry % 2 == 0:
            leaf = node_hash(self.roots.pop(), leaf)
            carry //= 2
        self.roots.append(leaf)

    def root(self) -> bytes:
        """Return the tree's root, 32 bytes."""
        if not self.roots:
            return root_of([])
        root = self.roots[-1]
        for left in self.roots[-2::-1]:
            root = node_hash(left, root)
        return root


class FullTile(NamedTuple):
    """A tile that has filled up: its level, its place there, its hashes joined, and their root."""

    level: int
    place: int
    hashes: bytes
    root: bytes


class Edge:
    """A growing tree's right edge: at each level the hashes that are in no full tile yet.

    Attributes:
        size: how many leaves there are.
        levels: level -> up to 255 hashes.
    """

    def __init__(self, size: int = 0, levels: Iterable[list[bytes]] = ()) -> None:
        """Go on from a size."""
        self.size = size
        self.levels = [*map(list, levels)] or [[]]

    def append(self, leaf: bytes) -> list[FullTile]:
        """Add a leaf's hash; return the tiles that fill up with it, lowest first."""
        self.size += 1
        self.levels[0].append(leaf)
        level, full = 0, []
        while len(hashes := self.levels[level]) == WIDTH:
            place = (self.size >> HEIGHT * (level + 1)) - 1
            full.append(FullTile(level, place, b"".join(hashes), root_of(hashes)))
            if len(self.levels) == level + 1:
                self.levels.append([])
            self.levels[level], level = [], level + 1
            self.levels[level].append(full[-1].root)
        return full

    def root(self) -> bytes:
        """Return the tree's root, 32 bytes."""
        rest: list[bytes] = []
        for hashes in self.levels:
            if hashes or rest:
                rest = [root_of(hashes + rest)]
        return rest[0] if rest else root_of([])


def _half(width: int) -> int:
    """Return the largest power of two below a width of two or more."""
    return 1 << (width - 1).bit_length() - 1


def inclusion(index: int, size: int) -> list[Span]:
    """Return the spans whose roots prove that a leaf is in the tree, low first (RFC 6962, 2.1.1).

    Args:
        index: which leaf, below `size`.
        size: the tree's.
    """
    low, high, spans = 0, size, []
    while high - low > 1:
        split = low + _half(high - low)
        if index < split:
            spans.append((split, high))
            high = split
        else:
            spans.append((low, split))
            low = split
    return spans[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """Return the spans whose roots prove that a tree grew from an older one (RFC 6962, 2.1.2).

    Args:
        old: the older size; nothing needs proof for 0 or the same size.
        new: the newer size.
    """
    if not 0 < old < new:
        return []
    low, high, spans = 0, new, []
    while old != high:
        split = low + _half(high - low)
        if old <= split:
            spans.append((split, high))
            high = split
        else:
            spans.append((low, split))
            low = split
    if low:
        spans.append((low, high))
    return spans[::-1]


def halves(size: int) -> list[Span]:
    """Return a tree's full subtrees as spans, largest first: those whose roots a Range keeps."""
    ends = [size >> height << height for height in range(size.bit_length(), -1, -1)]
    return [(low, high) for low, high in pairwise(ends) if low < high]


def nodes(span: Span) -> Iterator[tuple[int, int]]:
    """Return the full subtrees that a span falls into, left to right: (height, index)."""
    low, high = span
    while low < high:
        width = 1 << (high - low).bit_length() - 1
        if low:
            width = min(width, low & -low)
        height = width.bit_length() - 1
        yield height, low >> height
        low += width


def tile_of(height: int, index: int) -> tuple[int, int]:
    """Return which tile (level, index) a full subtree's root is in, or is made from."""
    level = height // HEIGHT
    return level, index << height % HEIGHT >> HEIGHT


def span_root(span: Span, tile: Tile) -> bytes:
    """Return the root over a span of leaves, read from tiles."""
    roots = []
    for height, index in nodes(span):
        first = index << height % HEIGHT
        hashes = tile(*tile_of(height, index))
        at = first % (1 << HEIGHT)
        roots.append(root_of(hashes[at : at + (1 << height % HEIGHT)]))
    root = roots[-1]
    for left in roots[-2::-1]:
        root = node_hash(left, root)
    return root


def included(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Raises:
        Tampered: `proof-form` when it cannot be a proof for that index and size.
    """
    if not 0 <= index < size:
        raise Tampered("proof-form", f"There is no leaf {index} in a tree of {size}.")
    if {*map(len, (leaf, *proof))} != {len(EMPTY)}:
        raise Tampered("proof-form", "A hash has 32 bytes.")
    at, last, root = index, size - 1, leaf
    for step in proof:
        if not last:
            raise Tampered("proof-form", "The proof is too long.")
        if at % 2 or at == last:
            root = node_hash(step, root)
            at, last = _climbed(at, last)
        else:
            root = node_hash(root, step)
        at, last = at // 2, last // 2
    if last:
        raise Tampered("proof-form", "The proof is too short.")
    return root


def consistent(old: tuple[int, bytes], new: tuple[int, bytes], proof: list[bytes]) -> bool:
    """Tell whether a proof shows that the old tree begins the new one (RFC 9162, 2.1.4.2).

    Args:
        old: size and root; there is nothing to prove from an empty tree.
        new: size and root.
        proof: the hashes.
    """
    (before, first), (after, second) = old, new
    if not 0 < before <= after or {*map(len, (first, second, *proof))} != {len(EMPTY)}:
        return False
    if before == after or not proof:
        return before == after and not proof and first == second
    return _grown(old, new, proof if before & (before - 1) else [first, *proof])


def _climbed(at: int, last: int) -> tuple[int, int]:
    """Go up past the levels where a node has no brother to its right."""
    while not at % 2 and at:
        at, last = at // 2, last // 2
    return at, last


def _grown(old: tuple[int, bytes], new: tuple[int, bytes], proof: list[bytes]) -> bool:
    """Tell whether a proof that begins with a root of the old tree leads to both trees' roots."""
    (before, first), (after, second) = old, new
    at, last = before - 1, after - 1
    while at % 2:
        at, last = at // 2, last // 2
    left = right = proof[0]
    for step in proof[1:]:
        if not last:
            return False
        if at % 2 or at == last:
            left, right = node_hash(step, left), node_hash(step, right)
            at, last = _climbed(at, last)
        else:
            right = node_hash(right, step)
        at, last = at // 2, last // 2
    return not last and left == first and right == second
