"""Receipts: what a record's holder takes away, and proves to anybody, offline."""

from base64 import b64encode

from msgspec import Struct

from mfm.app.reads import CASES, reach_of
from mfm.app.registry import VERBS
from mfm.core.errors import Invalid
from mfm.core.merkle import inclusion
from mfm.core.nouns import KINDS, NOUNS
from mfm.core.permissions import OPERATOR, TABLE, Actor, oversees, scope_of
from mfm.core.record import Body, parse
from mfm.formats import receipts
from mfm.formats.receipts import Proof
from mfm.store import journal, reads, trail
from mfm.store.database import Engine, Snapshot, driver_of
from mfm.store.reads import Reach
from mfm.store.writer import Writer


class Opening(Struct, frozen=True):
    """What opens a record's commitment to a free text: its salt (base64), and the text."""

    salt: str
    value: str


class Receipt(Struct, frozen=True, kw_only=True):
    """A record, proof that it is in the trail, and the holder's own free text beside it.

    Attributes:
        seq: the record's number.
        origin: the trail's name.
        size: of the tree that it is proven to be in.
        root: of that tree, base64.
        entry: the record's exact bytes, base64.
        proof: as text (C2SP tlog-proof).
        disclosures: field -> what opens the record's commitment to it.
        not_shown: fields that the record commits to and this receipt does not open.
    """

    seq: int
    origin: str
    size: int
    root: str
    entry: bytes
    proof: str
    disclosures: dict[str, Opening]
    not_shown: tuple[str, ...]


async def receipt(engine: Engine, writer: Writer, actor: Actor, seq: int) -> Receipt:
    """Return a record's receipt under the newest checkpoint.

    Args:
        engine: where to read.
        writer: reads the free text, which readers do not see.
        actor: who asks. Free text is shown to the party that wrote it, and to auditors.
        seq: the record.

    Raises:
        Invalid: `role-not-allowed`; `not-found`, for what is out of reach too; `not-sealed` before
            the trail reaches it.
    """
    number = writer.mechanism.id
    async with engine.connect() as reader:
        connection = await driver_of(reader)
        content = (await journal.by_seq(connection, number, [seq])).get(seq)
        if content is None or not await _may_have(reader, actor, content):
            raise Invalid("not-found", f"There is no record {seq}.")
        sealed = await trail.newest(connection, number)
        if sealed is None or sealed.size < seq:
            raise Invalid("not-sealed", f"Record {seq} is written, and not sealed yet.")
        hashes = await trail.proof(connection, number, sealed.size, inclusion(seq - 1, sealed.size))
        note = await trail.note_of(connection, number, sealed.size)
    body = parse(content)[1]
    shown = await _openings(writer, seq) if body.commit and _may_open(actor, body) else {}
    return Receipt(
        seq=seq,
        origin=writer.mechanism.origin,
        size=sealed.size,
        root=b64encode(sealed.root).decode(),
        entry=content,
        proof=receipts.encode(Proof(seq - 1, hashes, note)),
        disclosures=shown,
        not_shown=tuple(sorted(body.commit.keys() - shown.keys())),
    )


async def _may_have(reader: Snapshot, actor: Actor, content: bytes) -> bool:
    """Tell whether a record is within an actor's reach, or is of its own party."""
    reach = reach_of(actor, "receipt.read")
    record, body = parse(content)
    own = scope_of(actor, "receipt.read") == "own"
    if body.verb.startswith(CASES) and not own and not oversees(actor):
        return body.actor["key"] == actor.key
    if not reach.party:
        return not reach.fund or reach.fund in {link.fund for link in record.chain}
    return body.actor["party"] == actor.party or await _concerns(reader, actor, body)


async def _concerns(reader: Snapshot, actor: Actor, body: Body) -> bool:
    """Tell whether a record sets or names a noun that the actor may read as its party's own."""
    named = {(kind, state["id"]) for kind, states in body.sets.items() for state in states}
    subject = VERBS[body.verb].subject if body.verb in VERBS else None
    if subject is not None:
        named.add((KINDS[subject[0]], str(body.command.get(subject[1], ""))))
    if ("party", actor.party) in named:
        return True
    for kind, noun_id in sorted(named):
        # An envelope is shared with other donors, and its records tell of grantees; a case of
        # overlap has two sides.
        own = (
            kind not in ("allocation", "overlap_case")
            and TABLE.get(f"{kind}.read", {}).get(actor.role) == "own"
        )
        if own and await reads.one(reader, NOUNS[kind], noun_id, Reach(party=actor.party)):
            return True
    return False


def _may_open(actor: Actor, body: Body) -> bool:
    return actor.role in (OPERATOR, "auditor") or actor.party == body.actor["party"]


async def _openings(writer: Writer, seq: int) -> dict[str, Opening]:
    found = await writer.run(
        lambda unit: trail.openings(unit.connection, unit.mechanism.id, seq),
    )
    return {
        field: Opening(b64encode(salt).decode(), value) for field, (salt, value) in found.items()
    }
