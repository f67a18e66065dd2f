"""The tree against RFC 6962's own trees, probes of others, and a naive reading of the RFC."""

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core import merkle
from mfm.core.merkle import Range, leaf_hash, root_of, span_root
from mfm.verifier import Tampered, checkpoint_of, key_of, tile_path
from tests.house.tree import ROOT

DATA = ROOT.parent / "shared" / "data" / "tlog"
needs_vectors = pytest.mark.skipif(not DATA.is_dir(), reason="the standard vectors are not here")
PROBES = DATA / "transparency-dev-merkle" / "testdata"
LEAVES = [leaf_hash(str(number).encode()) for number in range(700)]


def tile(leaves: list[bytes], level: int, index: int) -> list[bytes]:
    """Make a tile from its definition: roots of full subtrees of 256**level leaves."""
    width = 256**level
    first, last = index * 256, min((index + 1) * 256, len(leaves) // width)
    return [root_of(leaves[at * width : (at + 1) * width]) for at in range(first, last)]


@needs_vectors
def test_the_reference_tree_of_rfc_6962() -> None:
    told = json.loads((DATA / "rfc6962-8leaf.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(text)) for text in told["leaf_inputs_hex"]]
    grown = Range()
    for size, root in enumerate(told["roots_hex_by_size"]):
        assert root_of(leaves[:size]).hex() == root
        assert grown.root().hex() == root
        if size < len(leaves):
            grown.append(leaves[size])


def _included(told: dict[str, object]) -> bool:
    proof = [b64decode(step) for step in told["proof"] or []]
    leaf, root = b64decode(told["leafHash"] or ""), b64decode(told["root"] or "")
    try:
        found = merkle.included(leaf, told["leafIdx"], told["treeSize"], proof)
    except Tampered:
        return False
    return found == root


def _consistent(told: dict[str, object]) -> bool:
    proof = [b64decode(step) for step in told["proof"] or []]
    old = (told["size1"], b64decode(told["root1"] or ""))
    return merkle.consistent(old, (told["size2"], b64decode(told["root2"] or "")), proof)


@needs_vectors
@pytest.mark.parametrize(
    ("kind", "holds"), [("inclusion", _included), ("consistency", _consistent)]
)
def test_probes_of_others(kind: str, holds: object) -> None:
    files = sorted((PROBES / kind).rglob("*.json"))
    assert len(files) == 98
    differ = [
        str(file.relative_to(PROBES))
        for file in files
        if holds(told := json.loads(file.read_text())) == told["wantErr"]
    ]
    # Its roots are no SHA-256 at all; whoever wants 32 bytes refuses what the reference takes.
    short = ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"]
    assert differ == [name for name in short if name.startswith(kind)]


@needs_vectors
def test_the_signed_checkpoints_of_another_log() -> None:
    folder = DATA / "tessera-testlog"
    key = key_of((folder / "vkey").read_text())
    log = folder / "testdata" / "log"
    leaves: list[bytes] = []
    bundle = (log / tile_path("entries", 0, 15)).read_bytes()
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(leaf_hash(bundle[2 : 2 + length]))
        bundle = bundle[2 + length :]
    assert b"".join(leaves) == (log / tile_path(0, 0, 15)).read_bytes()
    for size in range(16):
        one = checkpoint_of((log / f"checkpoint.{size}").read_bytes())
        assert one.signed_by(key, 0)
        assert (one.size, one.root) == (size, root_of(leaves[:size]))


@needs_vectors
def test_a_signed_note_of_the_standard() -> None:
    from mfm.verifier import Checkpoint, open_note

    text, signatures = open_note((DATA / "c2sp" / "signed-note-example.txt").read_bytes())
    key = key_of((DATA / "c2sp" / "signed-note-example.vkey").read_text())
    assert Checkpoint("", 0, b"", text, signatures).signed_by(key, 0)
    with pytest.raises(Tampered, match="does not hold"):
        Checkpoint("", 0, b"", text + "x", signatures).signed_by(key, 0)


@given(st.integers(1, len(LEAVES)).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_every_leaf_is_proved_from_tiles(place: tuple[int, int]) -> None:
    index, size = place
    leaves = LEAVES[:size]
    proof = [
        span_root(span, lambda level, at: tile(leaves, level, at))
        for span in merkle.inclusion(index, size)
    ]
    assert merkle.included(leaves[index], index, size, proof) == root_of(leaves)
    wrong = [bytes(32), *proof[1:]] if proof else [bytes(32)]
    try:
        assert merkle.included(leaves[index], index, size, wrong) != root_of(leaves)
    except Tampered:
        assert not proof


@given(st.integers(0, len(LEAVES)).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_every_older_tree_is_proved_from_tiles(sizes: tuple[int, int]) -> None:
    old, new = sizes
    leaves = LEAVES[:new]
    proof = [
        span_root(span, lambda level, at: tile(leaves, level, at))
        for span in merkle.consistency(old, new)
    ]
    before, after = (old, root_of(leaves[:old])), (new, root_of(leaves))
    assert merkle.consistent(before, after, proof) is (old > 0)
    assert not merkle.consistent((old, bytes(32)), after, proof)
    if old and old != new:
        assert not merkle.consistent(before, (new, bytes(32)), proof)
        assert not merkle.consistent(before, after, [*proof, bytes(32)])


@given(st.integers(0, 700))
def test_a_tree_that_grows_has_the_same_roots(size: int) -> None:
    grown = Range()
    for leaf in LEAVES[:size]:
        grown.append(leaf)
    assert grown.root() == root_of(LEAVES[:size])
    assert Range(grown.size, grown.roots).root() == grown.root()
