"""The trail's own verbs: changing its key, erasing text beside a record, naming chains' ends."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from mfm.core.errors import Invalid, Refused
from mfm.core.record import Body, Draft, Record, plain_struct
from mfm.core.terms import NO_NUL, Act, Command, Id
from mfm.verifier import ERASURE, HEADS, LOG, ROTATION, Tampered, key_of

__all__ = ["ERASURE", "HEADS", "HEADS_MAX", "ROTATION", "ErasePayload", "Head", "NoteHeads"]
__all__ += ["RotateKey", "Seen", "erase", "note_heads", "rotate"]

HEADS_MAX = 64
"""Ends of chains that one record names: they must fit in it."""

VerifierKey = Annotated[str, Meta(max_length=500, description="A verifier key in note format")]
Field = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,63}$(?!\n)")]


class RotateKey(Command, frozen=True, kw_only=True):
    """Change the key that signs the trail.

    Attributes:
        old: the verifier key that has signed so far, and signs this record.
        new: the one that signs from here on.
    """

    old: VerifierKey
    new: VerifierKey


class NoteHeads(Command, frozen=True, kw_only=True):
    """Tell where the chains of funds end: a fund's slice is complete up to there, or has a gap."""

    funds: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=HEADS_MAX)]


class Head(Struct, frozen=True):
    """Where a fund's chain ends: how long it is, and the leaf (hex) at its end."""

    fund: str
    number: int
    leaf: str


class Seen(Struct, frozen=True):
    """What the trail had by then: whoever sees it knows that the record is no older.

    Attributes:
        size: of the newest checkpoint, 0 before the first.
        root: its root, hex.
        anchor_size: of the checkpoint that was timestamped last.
        anchor: SHA-256 (hex) of that timestamp.
    """

    size: int
    root: str
    anchor_size: int
    anchor: str


class ErasePayload(Command, frozen=True, kw_only=True):
    """Erase free text beside a record, for good; the record and its commitments stay.

    Attributes:
        record: the record that the text is beside.
        fields: which of its texts.
        legal_basis: the rule that asks for it; it stays readable for ever, so no person's name.
    """

    record: int
    fields: tuple[Field, ...]
    legal_basis: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=300,
            pattern=NO_NUL,
            description="The rule that asks for it, such as GDPR Art. 17(1)(b); stays readable.",
        ),
    ]


def rotate(act: Act, command: RotateKey, origin: str, current: str) -> Draft:
    """Change the log's key.

    Args:
        act: who does it, and when.
        command: the old key and the new one.
        origin: the log's name, which both keys have.
        current: the key that the journal named last, or "" where it never named one.

    Raises:
        Invalid: `rotation-key` when these are not two keys of this log.
        Refused: `rotation-stale` when another key is in force.
    """
    for pointer, text in (("/old", command.old), ("/new", command.new)):
        try:
            key = key_of(text)
        except Tampered as fault:
            raise Invalid("rotation-key", str(fault), pointer) from fault
        if (key.name, key.kind) != (origin, LOG):
            raise Invalid("rotation-key", f"This is no key of {origin}.", pointer)
    if command.old == command.new:
        raise Invalid("rotation-key", "The new key is the old one.", "/new")
    if current and current != command.old:
        detail = f"The key in force is {current}, or about to be."
        raise Refused("rotation-stale", detail, "/old")
    facts = {"old": command.old, "new": command.new}
    return Draft(effective_on=act.on, facts=facts)


def note_heads(act: Act, command: NoteHeads, heads: list[Head], seen: Seen) -> Draft:
    """Tell where chains end, outside of them: a chain that named its own end would go on.

    Args:
        act: who does it, and when.
        command: which funds.
        heads: where their chains end.
        seen: the newest checkpoint and timestamp.

    Raises:
        Invalid: `heads-funds` for a fund named twice.
    """
    if len({*command.funds}) != len(command.funds):
        raise Invalid("heads-funds", "Name each fund once.", "/funds")
    told = [plain_struct(head) for head in heads]
    return Draft(effective_on=act.on, facts={"heads": told, "seen": plain_struct(seen)})


def erase(act: Act, command: ErasePayload, told: tuple[Record, Body], there: set[str]) -> Draft:
    """Erase free text beside a record.

    Args:
        act: who does it, and when.
        command: what is to go.
        told: the record.
        there: its fields that are there still.

    Raises:
        Invalid: `erasure-fields` when none is named, one twice, or one that it does not have.
        Refused: `erasure-done` when one was erased already.
    """
    record, body = told
    named = command.fields
    strange = set(named) - body.commit.keys()
    if not named or len(set(named)) != len(named) or strange:
        has = ", ".join(sorted(body.commit)) or "none"
        detail = f"Name each field once; record {record.seq} has {has}."
        raise Invalid("erasure-fields", detail, "/fields")
    if gone := set(named) - there:
        detail = f"{', '.join(sorted(gone))} of record {record.seq} was erased before."
        raise Refused("erasure-done", detail, "/fields")
    facts: dict[str, Any] = {"record": str(record.seq), "fields": sorted(named)}
    # Into the chains of the same funds: who reads a fund's slice sees that its text is gone.
    return Draft(effective_on=act.on, facts=facts, funds=tuple(link.fund for link in record.chain))
