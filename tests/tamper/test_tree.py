"""Tampering with an export's tree and checkpoints. Each time the forger makes MANIFEST anew."""

import time
from base64 import b64encode
from pathlib import Path

from mfm.app.witness import add_checkpoint, cosignature, opened
from mfm.core.merkle import Edge, leaf_hash, root_of
from mfm.formats.witnessing import Continuity, encode_request
from mfm.store.keyfile import NoteKey, key_in
from mfm.verifier import LOG, WIDTH, checkpoint_of, tile_path
from tests.tamper.forging import (
    FINE,
    FIRST,
    Files,
    Judge,
    World,
    bundle,
    chained,
    records_of,
    told_of,
)
from tests.trails import Numbers, policy_of

PARTY = 2
"""A record's place from 0: a party's registration, in no fund's chain, so that only the tree holds
its bytes."""


def bundled(files: Files) -> list[bytes]:
    """Return the records of the first bundle."""
    return records_of({FIRST: files[FIRST]})


def edited(files: Files) -> list[bytes]:
    """Return the first bundle's records with one word changed."""
    records = bundled(files)
    records[PARTY] = records[PARTY].replace(b"Administrative", b"Administrator", 1)
    assert records != bundled(files)
    return records


def tail(files: Files) -> str:
    return max(name for name in files if name.startswith("tile/entries/"))


def line_changed(note: bytes, line: int, text: str) -> bytes:
    """Return a checkpoint with one of its lines changed."""
    lines = note.decode().split("\n")
    lines[line] = text
    return "\n".join(lines).encode()


def somebody(folder: Path, origin: str) -> NoteKey:
    """Return a key that nobody knows, of whatever name."""
    return key_in(folder / "somebody.key", LOG, origin)


def test_case_01_entry_edited(files: Files, judge: Judge, world: World) -> None:
    assert judge(files | {FIRST: bundle(edited(files))}) == world.unseen


def test_case_02_entry_edited_and_its_tiles_made_anew(
    files: Files, judge: Judge, world: World
) -> None:
    records = [*edited(files), *records_of({tail(files): files[tail(files)]})]
    edge, tiles = Edge(), Files()
    for content in records:
        for full in edge.append(leaf_hash(content)):
            tiles[tile_path(full.level, full.place)] = full.hashes
    for level, part in enumerate(edge.levels):
        tiles[tile_path(level, len(records) >> 8 * (level + 1), len(part))] = b"".join(part)
    assert tiles.keys() < files.keys()
    assert judge(files | tiles | {FIRST: bundle(records[:WIDTH])}) == world.unseen


def test_case_03_two_entries_swapped(files: Files, judge: Judge) -> None:
    records = bundled(files)
    records[0], records[PARTY] = records[PARTY], records[0]
    assert judge(files | {FIRST: bundle(records)}) == (1, "record-place", 1)
    told = told_of(files)  # and each told to be where it is now: the second is earlier
    told[0], told[PARTY] = told[PARTY], told[0]
    assert judge(files | {FIRST: bundle(chained(told)[:WIDTH])}) == (1, "record-place", 2)


def test_case_04_entry_deleted(files: Files, judge: Judge) -> None:
    records = bundled(files)
    del records[PARTY]
    assert judge(files | {FIRST: bundle(records)}) == (1, "bundle", None)
    told = told_of(files)  # and those behind it moved up, so that the bundle is full again
    del told[PARTY]
    assert judge(files | {FIRST: bundle(chained(told)[:WIDTH])}).exit_code == 1


def test_case_05_entry_inserted_and_back_dated(files: Files, judge: Judge, world: World) -> None:
    """A refusal, which changes nothing: neither chains nor sums tell of it."""
    told = told_of(files)
    refusal = next(each for each in told if each["outcome"] == "refused")
    told.insert(PARTY, {**refusal, "at": told[PARTY - 1]["at"], "seq": "inserted"})
    records = chained(told)[:WIDTH]
    code = judge(files | {FIRST: bundle(records), "disclosures.jsonl": b""}).code
    assert code == world.unseen.code


def test_case_06_entry_duplicated_over_its_neighbour(files: Files, judge: Judge) -> None:
    records = bundled(files)
    records[PARTY] = records[0]
    assert judge(files | {FIRST: bundle(records)}) == (1, "record-place", PARTY + 1)


def test_case_07_tail_bundle_truncated(files: Files, judge: Judge, world: World) -> None:
    name = tail(files)
    for cut in (1, 2, 100, len(files[name])):
        assert judge(files | {name: files[name][:-cut]}) == (1, "bundle", WIDTH)
    records = records_of({name: files.pop(name)})
    shorter = tile_path("entries", 1, world.size - WIDTH - 1)
    assert judge(files | {shorter: bundle(records[:-1])}) == (1, "file-missing", WIDTH)


def test_case_08_upper_tile_bit_flip(files: Files, judge: Judge, world: World) -> None:
    for name in (tile_path(1, 0, 1), tile_path(0, 0), tile_path(0, 1, world.size - WIDTH)):
        content = bytearray(files[name])
        content[7] ^= 1
        assert judge(files | {name: bytes(content)}).code == "tile"


def test_case_09_checkpoint_root_changed(files: Files, judge: Judge, world: World) -> None:
    root = b64encode(root_of([leaf_hash(b"x")])).decode()
    head = line_changed(files["checkpoint"], 2, root)
    assert judge(files | {"checkpoint": head}) == (1, "signature", world.size)


def test_case_10_checkpoint_size_changed(files: Files, judge: Judge, world: World) -> None:
    for size, code in (
        (str(world.size - 1), "file-missing"),  # the tail bundle is named by its width
        (str(world.size + 1), "file-missing"),
        (str(WIDTH), "signature"),
        ("0", "checkpoint-form"),
        ("9" * 18, "file-missing"),
    ):
        forged = files | {"checkpoint": line_changed(files["checkpoint"], 1, size)}
        assert judge(forged)[:2] == (1, code), size


def test_case_11_resigned_by_another_key_of_the_same_name(
    files: Files, world: World, judge: Judge, tmp_path: Path
) -> None:
    head = checkpoint_of(files["checkpoint"])
    forged = world.note(head.size, head.root, somebody(tmp_path, head.origin))
    assert judge(files | {"checkpoint": forged}) == (1, "signature", world.size)


def test_case_12_old_checkpoint_presented_as_the_newest(
    files: Files, world: World, judge: Judge
) -> None:
    """A smaller trail is a sound one; who knows of more asks for it."""
    older = world.signed(records_of(files)[: world.size - 1], world.rotated)
    assert judge(older) == FINE
    assert judge(older, min_size=world.size) == (3, "stale", None)
    assert judge(older, since=files["checkpoint"]) == (3, "stale", None)
    # And within one export, the newer one lying beside it.
    assert judge(older | {f"checkpoints/{world.size}": files["checkpoint"]}) == (1, "stray", None)


def test_case_13_fork_signed_with_the_true_key(files: Files, world: World, judge: Judge) -> None:
    size = world.size - 2
    fork = world.note(size, root_of([leaf_hash(b"x")] * size))
    assert judge(files, since=fork) == (1, "root", size)
    assert judge(files | {f"checkpoints/{size}": fork}) == (1, "root", size)
    assert judge(files) == FINE  # this history does not tell of the other


def test_case_16_consistency_line_removed(tmp_path: Path) -> None:
    """An export needs no such proof: it has the records. A witness asks for one."""
    log = Numbers(tmp_path / "keys", "mfm/log")
    folder = opened(tmp_path / "witness", "example.org/w")
    (tmp_path / "witness" / "policy").write_text(policy_of(log.signer.vkey))
    first = encode_request(Continuity(0, []), log.grow(11))
    assert add_checkpoint(folder, first, 1).status == 200
    note, whole = log.grow(20), log.proof(11)
    for at in range(len(whole.hashes)):
        less = Continuity(11, whole.hashes[:at] + whole.hashes[at + 1 :])
        assert add_checkpoint(folder, encode_request(less, note), 1).status == 422
    assert add_checkpoint(folder, encode_request(whole, note), 1).status == 200


def test_case_17_origin_changed(files: Files, judge: Judge, world: World) -> None:
    forged = line_changed(files["checkpoint"], 0, "mfm/other")
    assert judge(files | {"checkpoint": forged}) == (1, "record-place", 1)
    older = line_changed(files[f"checkpoints/{world.size - 1}"], 0, "mfm/other")
    assert judge(files | {f"checkpoints/{world.size - 1}": older}) == (
        1,
        "signature",
        world.size - 1,
    )


def test_case_20_a_leaf_deleted_and_all_signed_anew(
    files: Files, world: World, judge: Judge
) -> None:
    """With the true key, nothing inside tells; whoever held an older checkpoint does."""
    told = told_of(files)
    del told[world.size - 2]  # a voucher among many
    forged = world.signed(chained(told))
    assert judge(forged) == FINE
    assert judge(forged, since=files[f"checkpoints/{world.size - 1}"]) == (
        1,
        "root",
        world.size - 1,
    )
    assert judge(forged, since=files[f"checkpoints/{world.rotated}"]) == FINE  # it is from before
    assert judge(forged, min_size=world.size) == (3, "stale", None)
    assert judge(forged, world.witnessed) == (3, "quorum", None)  # which saw another root


def test_a_history_without_the_change_of_key(files: Files, world: World, judge: Judge) -> None:
    """A key that was changed, and kept by a thief, signs a history in which it never was.

    Whoever believes both keys, as for receipts, has to bound the older one.
    """
    told = [each for each in told_of(files) if each["body"]["verb"] != "trail.rotate-key"]
    (_, old), (_, new) = world.keys
    forged = world._replace(keys=[(2**62, old)]).signed(chained(told))
    both = policy_of(old.vkey, new.vkey)
    assert judge(files, both) == FINE
    assert judge(forged, both) == FINE
    bound = {old.id.hex(): world.rotated}
    assert judge(files, both, until=bound) == FINE
    assert judge(forged, both, until=bound) == (1, "signature", world.size - 1)
    assert judge(forged, both, since=files[f"checkpoints/{world.rotated}"]) == (
        1,
        "root",
        world.rotated,
    )


def test_case_40_a_record_dated_after_a_witness_saw_it(
    files: Files, world: World, judge: Judge
) -> None:
    """Two days ago a witness saw what says that it is of today. Without the witness, who knows."""
    head = checkpoint_of(files["checkpoint"])
    own = "".join(files["checkpoint"].decode().splitlines(keepends=True)[:5])
    by = opened(world.folder / "auditor")
    for days, verdict in ((0, FINE), (2, (1, "record-clock", world.size))):
        seen = cosignature(by, head.text, int(time.time()) - days * 86_400)
        forged = files | {"checkpoint": (own + seen).encode()}
        assert judge(forged, world.witnessed) == verdict
        assert judge(forged) == FINE
