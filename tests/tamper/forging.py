"""A forger's workshop: an export in memory, changed at will and signed anew with the true keys."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import json

from mfm.core.merkle import Edge
from mfm.formats import canonical
from mfm.store.database import Mechanism
from mfm.store.keyfile import NoteKey
from mfm.verifier import WIDTH, Options, checkpoint_of, leaf_hash, tile_path, verify

Told = dict[str, Any]
"""A record as its JSON says."""
Files = dict[str, bytes]
"""An export: name -> content, without its MANIFEST."""
FIRST = tile_path("entries", 0)
"""The first bundle of records."""
_TREE = ("tile/", "checkpoint", "balances.jsonl")


class World(NamedTuple):
    """A mechanism that has lived through every verb, and what an operator holds of it.

    Attributes:
        url: the database.
        mechanism: its trail has three checkpoints or more, and one change of key.
        folder: `keys` of the signer, `witness` of a witness.
        files: its export.
        keys: (the last size that it signs, the key), in order.
        policy: an auditor's who believes the log alone.
        witnessed: that of one who asks for the witness's cosignature too.
    """

    url: str
    mechanism: Mechanism
    folder: Path
    files: Files
    keys: list[tuple[int, NoteKey]]
    policy: str
    witnessed: str

    @property
    def size(self) -> int:
        """How many records there are."""
        return checkpoint_of(self.files["checkpoint"]).size

    @property
    def rotated(self) -> int:
        """The record that changes the key, where the first checkpoint ends."""
        return self.keys[0][0]

    @property
    def unseen(self) -> "Verdict":
        """What catches a change in the first bundle that only the tree holds."""
        early = self.rotated <= WIDTH
        return Verdict(1, "root", self.rotated) if early else Verdict(1, "tile", WIDTH)

    def note(self, size: int, root: bytes, key: NoteKey | None = None, origin: str = "") -> bytes:
        """Return a checkpoint, signed with the log's key of that size unless told another."""
        text = f"{origin or self.mechanism.origin}\n{size}\n{b64encode(root).decode()}\n"
        signer = key or next(key for until, key in self.keys if size <= until)
        return f"{text}\n{signer.line(text.encode())}".encode()

    def signed(self, records: list[bytes], *older: int) -> Files:
        """Return the whole export of other records, signed anew: tree, checkpoints, balances.

        Args:
            records: their bytes.
            older: sizes to sign beside the last; a change of key is signed in any case.
        """
        beside = {name: held for name, held in self.files.items() if not name.startswith(_TREE)}
        ends = {
            size for size in (*older, *(until for until, _ in self.keys)) if size < len(records)
        }
        files, edge = Files(), Edge()
        for size, content in enumerate(records, 1):
            for full in edge.append(leaf_hash(content)):
                files[tile_path(full.level, full.place)] = full.hashes
            if size in ends:
                files[f"checkpoints/{size}"] = self.note(size, edge.root())
        for level, part in enumerate(edge.levels):
            if part:
                place = len(records) >> 8 * (level + 1)
                files[tile_path(level, place, len(part))] = b"".join(part)
        for first in range(0, len(records), WIDTH):
            piece = records[first : first + WIDTH]
            files[tile_path("entries", first // WIDTH, len(piece))] = bundle(piece)
        files["checkpoint"] = self.note(len(records), edge.root())
        return beside | files | {"balances.jsonl": balances(records)}


def bundle(records: list[bytes]) -> bytes:
    """Return records as a bundle of C2SP tlog-tiles."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in records)


def records_of(files: Files) -> list[bytes]:
    """Return an export's records."""
    found = []
    for name in sorted(name for name in files if name.startswith("tile/entries/")):
        content, at = files[name], 0
        while at < len(content):
            end = at + 2 + int.from_bytes(content[at : at + 2], "big")
            found.append(content[at + 2 : end])
            at = end
    return found


def balances(records: list[bytes]) -> bytes:
    """Return what records come to, as exports have it."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for told in map(json.decode, (each for each in records if b'"postings":' in each)):
        for posting in told["body"]["postings"]:
            for side, name in enumerate(("debit", "credit")):
                held = sums.setdefault(tuple(posting[name]), [0, 0])
                held[side] += int(posting["amount_minor"])
    lines = [[*names, *map(str, held)] for names, held in sorted(sums.items())]
    return b"".join(json.encode(line) + b"\n" for line in lines)


def told_of(files: Files) -> list[Told]:
    """Return an export's records as they say."""
    return [json.decode(content) for content in records_of(files)]


def chained(records: list[Told]) -> list[bytes]:
    """Return records' bytes, numbered and put into their funds' chains anew, as a forger would."""
    places = {told["seq"]: str(seq) for seq, told in enumerate(records, 1)}
    places["0"] = "0"
    last: dict[str, tuple[int, str]] = {}
    found = []
    for told in records:
        told["seq"] = places[told["seq"]]
        body = told["body"]
        for row in [row for rows in body.get("sets", {}).values() for row in rows]:
            row |= {"seq": told["seq"], "prev": places[row["prev"]]}
        if "reverses" in body:
            body["reverses"] = places[body["reverses"]]
        for link in told["chain"]:
            number, leaf = last.get(link["fund"], (0, bytes(32).hex()))
            link |= {"prev": leaf, "seq": str(number + 1)}
        content = json.encode(told, order="sorted")
        for link in told["chain"]:
            last[link["fund"]] = (int(link["seq"]), leaf_hash(content).hex())
        found.append(content)
    return found


def put(files: Files, folder: Path, *, manifest: bytes | None = None) -> Path:
    """Write an export, with a MANIFEST made anew unless one is given."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "MANIFEST").write_bytes(manifest_of(files) if manifest is None else manifest)
    return folder


def manifest_of(files: Files) -> bytes:
    """Return the MANIFEST of an export."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


class Verdict(NamedTuple):
    """What verification said: the exit code, the problem's code, and the record."""

    exit_code: int
    code: str
    seq: int | None


Judge = Callable[..., Verdict]
"""Writes an export, verifies it under a policy with options, and tells the verdict."""
FINE = Verdict(0, "", None)


def judged(files: Files, folder: Path, policy: str, **options: Any) -> Verdict:  # noqa: ANN401  # those of Options
    """Verify an export; it must say the same with the fast reader of records as without."""
    path = put(files, folder)
    verdicts = []
    for more in ({}, {"read": canonical.read}):
        code, told = verify(path, policy, Options(**options, **more))
        problem = told["problems"][0] if told["problems"] else {"code": "", "seq": None}
        verdicts.append(Verdict(code, problem["code"], problem["seq"]))
    assert verdicts[0] == verdicts[1]
    return verdicts[0]
