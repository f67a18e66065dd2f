"""Verify an exported trail offline, trusting nobody: `python verifier.py --help`.

One file that runs anywhere with Python's standard library, and `cryptography` for signatures. It
checks tree, tiles and checkpoints (RFC 6962, C2SP), each record's form, every fund's chain, double
entry, floors, cash and what it backs, payments' steps, reversals, disclosures and balances; it runs
no policy again, but counts decisions. Exit codes: 0 ok, 1 tampered, 2 unreadable, 3 below policy.
"""

import argparse
import base64
import json
import re
import sys
import tarfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from glob import iglob
from hashlib import sha256
from itertools import count, groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # it says so when it meets a signature
    Ed25519PublicKey = None  # type: ignore[assignment,misc]  # asked for before it is used

WIDTH = 256  # hashes in a full tile, records in a full bundle
RECORD_MAX, LINE_MAX, SIGNATURES_MAX, LINES_MAX, DAY = 16_384, 2**20, 16, 2**22, 86_400
LOG, COSIGNATURE = 1, 4  # kinds of key: a log's Ed25519, a witness's timestamped one
Read = Callable[[bytes], Any]  # what does the same as `canonical`, faster
ROTATION, ERASURE, HEADS = _OWN = "trail.rotate-key", "payload.erase", "trail.note-heads"
# The chart of accounts. + and -: never below zero, where debits or credits increase it; $: cash;
# =: what cash backs; o: owed until it is paid; x: not to be divided; a to f: memo groups.
_LINES = """1100+$ 1110+$ 1120+ 1190$ 1200+ 1290x 1300+ 1400+ 1500+ 1600 1700 2100- 2200-o 2300-o
2400-= 2500-= 2900-= 3100 3200 3300 4100 4110 4120 4130 4140 4500 4510 4600 4900 5100 5300 5400 5500
5600 5700 5800 5900 5950 9100+a 9150d 9190-a 9195d 9200+b 9290-b 9300-=c 9310-=c 9320-=c 9330-=c
9340c 9399+c 9500e 9590e 9900f 9990f"""
_CHART = {line[:4]: line[4:] for line in _LINES.split()}
# A disbursement's steps, was>now; who signs for them; and what stays as it was asked for.
_STEPS = re.compile(
    "(new|returned)>requested|requested>reviewed|(requested|reviewed|instructed|released)>approved"
    "|approved>(instructed|released)|instructed>released|released>confirmed"
    "|(confirmed|reported)>(confirmed|reported)|(requested|reviewed|approved)>returned"
    "|(requested|reviewed|returned|approved)>(rejected|cancelled)"
)
_SIGNERS = "requested_by resubmitted_by reviewed_by approved_by instructed_by released_by".split()
_SAME = ("commitment", "from_fund", "to_fund", "to_party", "currency", "amount_minor")
_BLOBS = {"content", "findings", "catalogue", "cases", "simulation"}  # name larger content
_FIELDS = ["at", "body", "chain", "log", "nonce", "outcome", "seq", "v"]
_FIRST = ("1", bytes(32).hex())
_BASE64 = re.compile("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_NAME = re.compile(r"(?!.*\.\.)[\w.+-]+(/[\w.+-]+)*")


class Tampered(ValueError):
    """Something does not hold: a code, what was found, and the exit code that it asks for."""

    def __init__(self, code: str, detail: str, exit_code: int = 1) -> None:
        super().__init__(detail)
        self.code, self.exit_code = code, exit_code


def must(holds: object, code: str, *detail: object, exit_code: int = 1) -> None:
    """Raise Tampered unless something holds."""
    if not holds:
        raise Tampered(code, " ".join(map(str, detail)), exit_code)


def leaf_hash(content: bytes) -> bytes:
    """Return SHA-256(0x00 || content): a record's leaf (RFC 6962, 2.1)."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right) (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """Return the root over hashes; the last may stand for a smaller subtree (RFC 6962, 2.1)."""
    while len(hashes) > 1:
        hashes = [*map(node_hash, hashes[::2], hashes[1::2]), *hashes[len(hashes) // 2 * 2 :]]
    return hashes[0] if hashes else sha256().digest()


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return a tile's path in C2SP tlog-tiles; level "entries" for a bundle of records."""
    *parts, last = [part.zfill(3) for part in f"{index:,}".split(",")]
    path = "/".join([*(f"x{part}" for part in parts), last])
    return f"tile/{level}/{path}" + (f".p/{width}" if width < WIDTH else "")


def b64(text: str) -> bytes:
    """Decode base64, its one strict spelling."""
    found = base64.b64decode(text if _BASE64.fullmatch(text) else "")
    must(found and base64.b64encode(found).decode() == text, "base64", repr(text[:60]), "is none.")
    return found


class Key(NamedTuple):
    """A verifier key: its name, the 4 bytes that signatures carry, its kind, its public half."""

    name: str
    id: bytes
    kind: int
    public: bytes


def key_of(text: str, *kinds: int) -> Key:
    """Read a verifier key in note format: name+id+base64 (C2SP signed-note)."""
    name, told, encoded = [*text.strip().split("+", 2), "", ""][:3]
    raw = b64(encoded)
    own = sha256(name.encode() + b"\n" + raw).digest()[:4]
    known = len(raw) == 1 + 32 and raw[0] in (kinds or (LOG, COSIGNATURE)) and told == own.hex()
    must(name and known, "key-form", repr(text[:80]), "is no verifier key known here.")
    return Key(name, own, raw[0], raw[1:])


def open_note(content: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Split a signed note into its text and its signatures: (name, id and signature)."""
    whole = content.decode(errors="replace")
    text, _, tail = whole.rpartition("\n\n")
    *lines, end = tail.split("\n")
    plain = "\ufffd" not in whole and all(sign >= " " or sign == "\n" for sign in whole)
    must(text and plain and not end and 0 < len(lines) <= SIGNATURES_MAX, "note-form", "No note.")
    signatures = []
    for line in lines:
        dash, name, encoded = [*line.split(" ", 2), "", ""][:3]
        must(dash == "\u2014" and name and "+" not in name, "note-form", repr(line[:80]))
        signatures.append((name, b64(encoded)))
    return text + "\n", signatures


class Checkpoint(NamedTuple):
    """What a checkpoint says, and its signatures."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: list[tuple[str, bytes]]

    def signed_by(self, key: Key, now: int) -> int:
        """Return when a key signed it, 1 if it tells no time, 0 if it did not; or void the note."""
        must(Ed25519PublicKey, "unreadable", "Signatures need `cryptography`.", exit_code=2)
        signed = 0
        for raw in [raw for name, raw in self.signatures if (name, raw[:4]) == (key.name, key.id)]:
            message, signature, at = self.text.encode(), raw[4:], 1
            if key.kind == COSIGNATURE:
                at, signature = int.from_bytes(raw[4:12], "big"), raw[12:]
                message = b"cosignature/v1\ntime %d\n" % at + message
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
            except (InvalidSignature, ValueError):
                raise Tampered("signature", f"That of {key.name} does not hold.") from None
            signed = signed or at * (at <= now + 300)
        return signed


def checkpoint_of(content: bytes) -> Checkpoint:
    """Read a checkpoint (C2SP tlog-checkpoint), with no extension lines."""
    text, signatures = open_note(content)
    origin, size, root, *more = [*text.split("\n"), "", ""]
    sound = origin and more == ["", "", ""] and re.fullmatch("0|[1-9][0-9]{0,17}", size)
    must(sound and len(b64(root)) == len(leaf_hash(b"")), "checkpoint-form", repr(text[:120]))
    return Checkpoint(origin, int(size), b64(root), text, signatures)


class Policy:
    """Whom an auditor believes (C2SP tlog-policy): the log's keys, and a quorum of witnesses."""

    def __init__(self, text: str) -> None:
        self.logs = list[Key]()
        self._named: dict[str, Key | tuple[int, tuple[str, ...]]] = {}
        for line in text.splitlines():
            try:
                if (told := line.split()) and not told[0].startswith("#"):
                    self._line(*told)
            except (Tampered, TypeError, ValueError) as fault:
                raise Tampered("unreadable", f"{line[:80]!r} is no policy's: {fault}", 2) from None
        self.witnesses = [each for each in self._named.values() if isinstance(each, Key)]
        members = [n for each in self._named.values() if not isinstance(each, Key) for n in each[1]]
        lists = [key.public for key in self.logs], [key.public for key in self.witnesses], members
        sound = self.logs and "" in self._named and all(len(each) == len({*each}) for each in lists)
        must(sound, "unreadable", "A log, a quorum, no key or group's member twice.", exit_code=2)

    def _line(self, kind: str, name: str, what: str = "", *more: str) -> None:
        if kind == "quorum":  # the group without a name
            name, what, more = "", "all", (name,) if name != "none" else ()
        need = {"any": 1, "all": len(more)}.get(what, what)
        if kind == "log":
            self.logs.append(key_of(name, LOG))
        elif kind == "witness" and name not in {"none", *self._named}:
            self._named[name] = key_of(what, COSIGNATURE)
        elif kind in ("group", "quorum") and name not in {"none", *self._named}:
            least, known = int(kind == "group"), {*more} <= {*self._named}
            must(known and least <= int(need) <= len(more), "policy", "Its members are not there.")
            self._named[name] = (int(need), more)
        else:
            raise ValueError("unknown, or there already")

    def met(self, checkpoint: Checkpoint, now: int, name: str = "") -> bool:
        """Tell whether the quorum's witnesses cosigned; or a group's, or a witness."""
        member = self._named[name]
        if isinstance(member, Key):
            return checkpoint.signed_by(member, now) > 0
        return sum(self.met(checkpoint, now, each) for each in member[1]) >= member[0]


class _Export:  # its files, each held against MANIFEST as it is read
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.files: dict[str, bytes] = {}  # name -> SHA-256, and a byte once it is read
        try:
            for name, plain in self._folder(path) if path.is_dir() else self._tar(path, stack):
                known = plain and name not in self.files and _NAME.fullmatch(name)
                must(known, "unreadable", name, "has no place in an export.", exit_code=2)
                self.files[name] = b""
            with self._open("MANIFEST") as file:
                for line in islice(iter(partial(file.readline, LINE_MAX), b""), LINES_MAX):
                    told, name = [*re.findall("^([0-9a-f]{64})  (.+)", line.decode()), ("", "")][0]
                    sound = _NAME.fullmatch(name) and not self.files.get(name)
                    must(sound, "unreadable", "MANIFEST says", repr(line[:99]), exit_code=2)
                    self.files[name] = bytes.fromhex(told)
        except (OSError, tarfile.TarError, UnicodeDecodeError, KeyError) as fault:
            raise Tampered("unreadable", f"{path} is no export: {fault}", 2) from None

    def _folder(self, path: Path) -> Iterator[tuple[str, bool]]:
        self._open: Callable[[str], Any] = lambda name: (path / name).open("rb")
        for name in iglob("**", root_dir=path, recursive=True, include_hidden=True):
            if (each := path / name).is_symlink() or not each.is_dir():
                yield each.relative_to(path).as_posix(), each.is_file() and not each.is_symlink()

    def _tar(self, path: Path, stack: ExitStack) -> Iterator[tuple[str, bool]]:
        tar = stack.enter_context(tarfile.open(path, "r:"))
        members: dict[str, tarfile.TarInfo] = {}
        self._open = lambda name: tar.extractfile(members[name])
        for member in tar:
            if not member.isdir():
                members[name := member.name.removeprefix("./")] = member
                yield name, member.isfile() and not member.issparse()

    def pieces(self, name: str, most: int = 0) -> Iterator[bytes]:  # lines, or the whole
        digest = sha256()
        try:
            with self._open(name) as file:
                while piece := file.read(most) if most else file.readline(LINE_MAX):
                    digest.update(piece)
                    yield piece
        except (OSError, KeyError, tarfile.TarError) as fault:
            raise Tampered("file-missing", f"{name}: {fault}") from None
        must(self.files.get(name, b"")[:32] == digest.digest(), "manifest", "It says another", name)
        self.files[name] = digest.digest() + b"!"

    def read(self, name: str) -> bytes:
        content, *more = [*islice(self.pieces(name, WIDTH * (2 + RECORD_MAX)), 2), b""]
        must(not any(more), "file-size", name, "is larger than it can be.")
        return content


def canonical(content: bytes) -> Any:  # noqa: ANN401  # what a record says
    """Return what canonical JSON with no numbers says (RFC 8785), else raise ValueError."""
    no = partial(must, None, "not-canonical", "This is no canonical JSON without numbers:")
    told = json.loads(content, parse_int=no, parse_float=no, parse_constant=no)
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return told if text.encode() == content else no(text[:80])


def parse(content: bytes, read: Read = canonical) -> dict[str, Any]:
    """Return a record."""
    try:
        told: dict[str, Any] = read(content)
        sound = [*told] == _FIELDS and len(content) <= RECORD_MAX
    except (ValueError, TypeError, RecursionError):
        told, sound = {}, False
    must(sound, "record-form", "These are no canonical bytes of a record.")
    return told


def commitment(field: str, salt: bytes, value: str) -> str:
    """Return the salted commitment of a free text: SHA-256 over length-prefixed parts."""
    parts = (b"mfm/commit/v1", field.encode(), salt, value.encode())
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.urlsafe_b64encode(sha256(joined).digest()).decode().rstrip("=")


class Options(NamedTuple):
    """What an auditor knows (`--since`, `--min-size`, `--key-until`), and how to go about it."""

    since: bytes | None = None
    min_size: int = 0
    until: dict[str, int] = {}  # noqa: RUF012  # never written to
    read: Read = canonical
    progress: Callable[[int, int], object] = max


class _Account:  # its sums, and what its line of the chart holds it to
    def __init__(self, names: list[str], books: "_Pass") -> None:
        books.accounts["\0".join(names)] = self
        fund, book, code, currency, subject = names
        added = re.fullmatch("([1-5][0-9]{3})-[0-9]{2,3}", code)
        marks = _CHART.get(added[1] if added else code, "?")
        known = marks != "?" and not (added and marks) and book == ("FIN", "BUD")[code[0] == "9"]
        must(known, "posting-form", names, "is no account of the chart.")
        self.place = (fund, currency, marks[-1:] if code[0] == "9" else "")
        self.debits = self.credits = 0
        held = "" if fund in books.reported else marks
        self.floor = ("+" in held) - ("-" in held)
        self.cash, self.paying = "$" in held or "=" in held, "$" in held
        self.owed = subject if "o" in held and subject != "opening" else ""


class _Pass:  # once over an export, in memory that grows with accounts, not with records
    def __init__(self, options: Options) -> None:
        self._options, self._now, self._at, self.seq = options, int(time.time()), "", 0
        self._levels: list[list[bytes]] = [[] for _ in range(8)]
        self._next: tuple[int | None, Iterator[dict[str, Any]]] = (None, iter(()))
        self._missing, self._erased = set[tuple[int, str]](), set[tuple[int, str]]()
        self._chains, self._states = dict[str, tuple[str, str]](), dict[Any, tuple[str, str]]()
        self._signed: dict[str, tuple[tuple[str, ...], tuple[str, ...], frozenset[Any]]] = {}
        self.reported, self._reversed, self._blobs = set[str](), set[int](), set[str]()
        self._fields, self.accounts, self.file = Counter[str](), dict[str, _Account](), ""
        self.told: dict[str, Any] = {"size": 0, "root": "", "decisions_not_rerun": 0}

    def run(self, export: _Export, policy: Policy) -> None:
        self._export, until, self._witnesses = export, self._options.until, policy.witnesses
        self._keys = {key: until.get(key.id.hex(), sys.maxsize) for key in policy.logs}
        sizes = self._start()
        for first in range(0, self._head.size, WIDTH):
            records = self._records(first)
            leaves = [*map(leaf_hash, records)]
            for self.seq, content, leaf in zip(count(first + 1), records, leaves, strict=False):
                body = self._add(str(self.seq), content, leaf)
                if "commit" in body or self._next[0] == self.seq:
                    self._disclose(body.get("commit", {}))
                for self.file in sizes.get(self.seq, ()):
                    self._checkpoint(leaves[: self.seq - first])
            self._tiles(leaves, first + len(leaves))
            self._options.progress(first + len(leaves), self._head.size)
        self._ends()
        self.file, size, least = "checkpoint", self._head.size, max(self._options.min_size, *sizes)
        must(size >= least, "stale", "It ends at", size, "of", least, exit_code=3)
        must(policy.met(self._head, self._now), "quorum", "Too few cosigned.", exit_code=3)

    def _start(self) -> dict[int, list[str]]:  # the checkpoints' names by their sizes
        self.file = "checkpoint"
        self._head = checkpoint_of(self._export.read(self.file))
        must(self._head.size, "checkpoint-form", "A trail of nothing.")
        self.told |= {"size": self._head.size, "root": base64.b64encode(self._head.root).decode()}
        sizes = defaultdict(list, {self._head.size: ["checkpoint"]})
        for name, told in self._export.files.items():
            if told and name.startswith("checkpoints/"):
                sizes[int(name.removeprefix("checkpoints/"))].append(name)
        if self._options.since is not None:
            sizes[checkpoint_of(self._options.since).size].append("")  # the one from before
        lines = map(self._line, self._export.pieces("disclosures.jsonl"))
        self._shown = groupby(lines, lambda each: int(each["seq"]))
        self._next = next(self._shown, self._next)
        return sizes

    def _add(self, seq: str, content: bytes, leaf: bytes) -> dict[str, Any]:
        told = parse(content, self._options.read)
        place = (told["log"], told["seq"], told["v"]) == (self._head.origin, seq, "1")
        must(place and told["at"] >= self._at, "record-place", "It does not belong after", self._at)
        body: dict[str, Any] = told["body"]
        self._at = told["at"]
        if told["outcome"] != "accepted":
            changes = told["chain"] or body.keys() & {"facts", "postings", "reverses"}
            changes = changes or body.get("sets", {}).keys() - {"decision"}  # what policies said
            must(not changes, "record-form", "A refusal changes nothing.")
            self._sets(seq, {"sets": {}} | body)
            return body
        released = self._sets(seq, body) if "sets" in body else {}
        for link in told["chain"]:
            fund, number, stood = link["fund"], link["seq"], self._chains.get(link["fund"], _FIRST)
            must((number, link["prev"]) == stood, "fund-chain", fund, "was at", stood)
            self._chains[fund] = (str(int(number) + 1), leaf.hex())
        paid = self._post(body["postings"], leaf.hex()) if "postings" in body else {}
        if "reverses" in body:
            self._reverse(int(seq), body)
        elif paid != released:
            raise Tampered("payment", f"{paid} is paid, and this is released: {released}")
        if body["verb"] in _OWN:
            self._own(body["verb"], body["facts"])
        return body

    def _own(self, verb: str, facts: dict[str, Any]) -> None:  # what the trail says of itself
        if verb == ROTATION:
            self._rotate(facts)
        self._erased |= {(int(facts["record"]), field) for field in facts.get("fields", ())}
        for head in facts.get("heads", ()):
            stood = self._chains.get(head["fund"], _FIRST)
            must(stood == (str(int(head["number"]) + 1), head["leaf"]), "fund-chain", head, stood)

    def _post(self, postings: list[dict[str, Any]], leaf: str) -> dict[str, int]:
        paid: dict[str, int] = {}
        uncovered: dict[Any, int] = defaultdict(int)
        for told in postings:
            amount, moved = told["amount_minor"], int(told["amount_minor"])
            debit = self.accounts.get("\0".join(told["debit"])) or _Account(told["debit"], self)
            credit = self.accounts.get("\0".join(told["credit"])) or _Account(told["credit"], self)
            if debit.place != credit.place or debit is credit or moved <= 0 or str(moved) != amount:
                raise Tampered("posting-form", f"{told} cannot be posted.")
            must(self._chains.get(debit.place[0], _FIRST)[1] == leaf, "fund-chain", "Unseen:", told)
            debit.debits += moved
            credit.credits += moved
            low = debit.floor < 0 and debit.debits > debit.credits
            if low or (credit.floor > 0 and credit.credits > credit.debits):
                raise Tampered("balance-floor", f"{told} makes an account fall below zero.")
            if debit.cash != credit.cash:
                uncovered[debit.place[:2]] += moved if debit.cash else -moved
            if owed := debit.owed if credit.paying else debit.paying and credit.owed:
                paid[owed] = paid.get(owed, 0) + (moved if credit.paying else -moved)
        must(not any(uncovered.values()), "cash-without-authority", uncovered)
        return paid

    def _sets(self, seq: str, body: dict[str, Any]) -> dict[str, int]:  # commitment -> released
        released: dict[str, int] = defaultdict(int)
        said = body.get("facts", {}).get("said")  # of a reported transaction; a blob if it is long
        self._blobs |= {said["blob"]} if isinstance(said, dict) and "blob" in said else set()
        for kind, row in [(kind, row) for kind, rows in body["sets"].items() for row in rows]:
            last, was = self._states.get((kind, row["id"]), ("0", "new"))
            must((row["seq"], row["prev"]) == (seq, last), "state-order", kind, row["id"], last)
            self._states[kind, row["id"]] = (seq, row["status"])
            if kind == "disbursement":
                self._step(row, was, body)
                if sign := {"released": 1, "approved": -(was == "released")}.get(row["status"]):
                    released[row["commitment"]] += sign * int(row["amount_minor"])
            if kind == "fund" and row.get("reported") and row["id"] not in self.reported:
                must(was in ("new", "reversed"), "state-step", row["id"], "has books of its own.")
                self.reported.add(row["id"])
            self._blobs |= {row[each] for each in _BLOBS & row.keys()} - {""}
        return released

    def _step(self, row: dict[str, Any], was: str, body: dict[str, Any]) -> None:
        name, now, who, back = row["id"], row["status"], body["actor"]["key"], "reverses" in body
        step = f"{now}>{was}".replace("reversed", "new") if back else f"{was}>{now}"
        must(who and _STEPS.fullmatch(step), "state-step", name, "cannot become", now, "from", was)
        same, told = (tuple(row.get(each, "") for each in some) for some in (_SAME, _SIGNERS))
        asked, signed, gone = self._signed.get(name, (same, ("",) * len(told), frozenset()))
        must(same == asked, "state-step", name, "is another than was asked for.")
        undone = now == "returned" or (now == "approved" and was in ("instructed", "released"))
        own = "resubmitted_by" if was == "returned" else f"{now}_by"
        pairs = [*zip(_SIGNERS, signed, strict=True)]
        for (by, old), new in zip(pairs, told, strict=True):
            fine = new == (who if by == own and not (back or undone) else old)
            less = not new and (back or undone) and by in _SIGNERS[2 - back :]
            fine = fine or less or (back and (by, new) in gone)
            must(fine, "four-eyes", by, "of", name, "is not whoever took that step.")
        self._signed[name] = (same, told, gone | {*pairs} if undone else gone)
        eyes = [e for some in (told[:2], told[2:3], told[3:4], told[4:]) for e in {*some} - {""}]
        must(len(eyes) == len({*eyes}), "four-eyes", eyes, "took the steps of", name)

    def _reverse(self, seq: int, body: dict[str, Any]) -> None:  # exactly, and once
        earlier = int(body["reverses"])
        must(0 < earlier < seq, "reversal", "It takes back", earlier, "which is not before it.")
        content = self._records((earlier - 1) // WIDTH * WIDTH)[(earlier - 1) % WIDTH]
        there, again = parse(content, self._options.read)["body"], earlier in self._reversed
        must(not again and "reverses" not in there, "reversal", earlier, "cannot be taken back.")
        self._reversed.add(earlier)
        theirs = [(p["credit"], p["debit"], p["amount_minor"]) for p in there.get("postings", ())]
        mine = [(p["debit"], p["credit"], p["amount_minor"]) for p in body.get("postings", ())]
        must(mine == theirs[::-1], "reversal", "It is not the mirror of", earlier)
        sets = [told.get("sets", {}).items() for told in (body, there)]
        same = [{(kind, row["id"]) for kind, rows in each for row in rows} for each in sets]
        must(same[0] == same[1], "reversal", "It sets back other nouns than were set.")

    def _checkpoint(self, leaves: list[bytes]) -> None:  # against the tree as it grew: no proofs
        since = self._options.since or b""
        found = checkpoint_of(self._export.read(self.file) if self.file else since)
        signers = [key for key in self._keys if found.signed_by(key, self._now)]
        names = [key.name for key in signers if found.size <= self._keys[key]]
        must(self._head.origin == found.origin in names, "signature", "No key of the log signed.")
        seen = [found.signed_by(key, self._now) or self._now for key in self._witnesses]
        late = datetime.fromisoformat(self._at).timestamp() - min([self._now, *seen])
        must(late < DAY, "record-clock", self._at, "is a day after others saw it, or to come.")
        root = list[bytes]()
        for hashes in (leaves, *self._levels[1:]):
            root = [root_of(hashes + root)] if hashes or root else []
        must((found.size, [found.root]) == (self.seq, root), "root", "It is another.")

    def _rotate(self, facts: dict[str, str]) -> None:  # the old key signs it, and no more after
        old, new, self.file = key_of(facts["old"]), key_of(facts["new"]), f"checkpoints/{self.seq}"
        signed = checkpoint_of(self._export.read(self.file)).signed_by(old, self._now)
        in_force = signed and new.kind == LOG and self._keys.get(old, 0) >= self.seq
        must(in_force, "key-rotation", "No key in force signed the change to a new one.")
        self._keys[old] = self.seq
        self._keys.setdefault(new, self._options.until.get(new.id.hex(), sys.maxsize))

    def _records(self, first: int) -> list[bytes]:
        width = min(WIDTH, self._head.size - first)
        self.file = tile_path("entries", first // WIDTH, width)
        content, records, at = self._export.read(self.file), list[bytes](), 0
        for _ in range(width):
            end = at + 2 + int.from_bytes(content[at : at + 2], "big")
            records.append(content[at + 2 : end])
            at = end
        must(at == len(content), "bundle", "It does not hold the records that it should.")
        return records

    def _tiles(self, leaves: list[bytes], size: int) -> None:  # that fill up; at the end, all
        self._levels[0] = leaves
        for level, hashes in enumerate(self._levels):
            full = len(hashes) == WIDTH
            if hashes and (full or size == self._head.size):
                place = ((size >> 8 * level) - 1) // WIDTH
                self.file = tile_path(level, place, len(hashes))
                must(self._export.read(self.file) == b"".join(hashes), "tile", "It is another.")
            if full:
                self._levels[level] = []
                self._levels[level + 1].append(root_of(hashes))

    def _line(self, line: bytes) -> Any:  # noqa: ANN401  # what a line says, in its one spelling
        return self._options.read(line[:-1] if line.endswith(b"\n") else b"")

    def _disclose(self, commits: dict[str, str]) -> None:
        self.file, here = "disclosures.jsonl", self._next[0] == self.seq
        lines = [*self._next[1]] if here else []
        self._next = next(self._shown, (None, iter(()))) if here else self._next
        shown = {told["field"]: told for told in lines if told["seq"] == str(self.seq)}
        must(len(shown) == len(lines), "disclosure", "A field is told of twice.")
        for field, commit in commits.items():
            told = shown.pop(field, None)
            if told is None:
                self._missing.add((self.seq, field))  # unless it turns out to be erased
            elif told == {"field": field, "seq": str(self.seq), "withheld": True}:
                self._fields["withheld"] += 1
            else:
                same = commitment(field, b64(told.pop("salt")), told.pop("value")) == commit
                must(same and told.keys() == {"field", "seq"}, "disclosure", field, "is another.")
                self._fields["disclosed"] += 1
        must(not shown, "disclosure", "The record commits to no", *shown)

    def _ends(self) -> None:  # what stands beside the tree
        self.seq, self.file = 0, "disclosures.jsonl"
        must(self._next[0] is None, "disclosure", "No record", self._next[0], "in that order.")
        must(self._missing <= self._erased, "disclosure-missing", self._missing - self._erased)
        for told in map(self._line, self._export.pieces(self.file) if self._erased else ()):
            here = "value" in told and (int(told["seq"]), told["field"]) in self._erased
            must(not here, "disclosure-erased", told["field"], "of", told["seq"], "was erased.")
        self._fields["erased"] = len(self._missing)
        self.told["decisions_not_rerun"] = [kind for kind, _ in self._states].count("decision")
        self.told["disclosures"], self.file = self._fields, "balances.jsonl"
        for line in self._export.pieces(self.file):
            *names, debits, credits_ = self._line(line)
            held = self.accounts.pop("\0".join(names), None)
            same = held and (str(held.debits), str(held.credits)) == (debits, credits_)
            must(same, "balance", *names, "is not what the records come to.")
        must(not self.accounts, "balance", "Accounts are missing:", len(self.accounts))
        files, odd = self._export.files, {f"blobs/{name}" for name in self._blobs}
        odd = odd - {*files} | {name for name in files if not files[name]} - {"MANIFEST"}
        for self.file in sorted(each for each, told in files.items() if told and told[32:] != b"!"):
            named = ("README", "", ""), ("blobs", "/", files[self.file].hex())
            if self.file.partition("/") not in named and not self.file.startswith("anchors/"):
                odd.add(self.file)
            deque(self._export.pieces(self.file), 0)
        self.file = min(odd, default="")
        must(not odd, "stray", "It is not there, has no place there, or is not what it is called.")


def verify(path: Path, policy: str, options: Options = Options()) -> tuple[int, dict[str, Any]]:
    """Verify an export; return the exit code and what `--json` prints, problems and all."""
    run, code, problems = _Pass(options), 0, []
    try:
        with ExitStack() as stack:
            run.run(_Export(path, stack), Policy(policy))
    except Exception as fault:  # noqa: BLE001  # what others made gets a verdict, no traceback
        what = fault if isinstance(fault, Tampered) else Tampered("malformed", repr(fault))
        found = {"code": what.code, "seq": run.seq or None, "file": run.file or None}
        code, problems = what.exit_code, [found | {"detail": str(what)[:500]}]
    return code, {"ok": not problems, **run.told, "problems": problems}


def main() -> int:
    """Verify what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path, help="the export: a folder or a tar file")
    parser.add_argument("--policy", type=Path, required=True, help="your own: log keys and quorum")
    parser.add_argument("--since", type=Path, help="a checkpoint that you kept from before")
    parser.add_argument("--min-size", type=int, default=0, help="records that there must be")
    parser.add_argument("--key-until", action="append", default=[], metavar="KEY=SIZE")
    args = parser.parse_args()
    try:
        until = {key: int(size) for key, _, size in (e.rpartition("=") for e in args.key_until)}
        options = Options(args.since and args.since.read_bytes(), args.min_size, until)
        code, told = verify(args.path, args.policy.read_text(encoding="utf-8"), options)
    except (OSError, ValueError) as fault:
        parser.error(str(fault))
    print(json.dumps(told))
    return code


if __name__ == "__main__":
    sys.exit(main())
