"""Exports, own transactions: postings that IATI counts, with who gave and who got."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from mfm.app.export_names import Known
from mfm.app.export_own import OwnBooks
from mfm.core.accounts import line_of
from mfm.core.commitments import Commitment
from mfm.core.money import decimal_text
from mfm.core.moved import Moved
from mfm.core.parties import Party
from mfm.core.pledges import Pledge
from mfm.core.record import parse
from mfm.formats.iati_model import Coded, Narrative, Organisation, Transaction
from mfm.store import exports

_INCOMING = frozenset({"1", "11", "13"})
_RECEIPT, _FEE = "1", "5400"
_ADMINISTRATION = Coded("G01")
"""Aid type: administrative costs not included elsewhere."""
_AGREED = ("commitment", "contribution")
_SUBJECTS = (*_AGREED, "pledge")
"""What an account's subject may be that leads to the other side, the surest first."""


class Group(NamedTuple):
    """The postings of one record that are one transaction."""

    rows: tuple[Moved, ...]

    @property
    def first(self) -> Moved:
        """The posting that gives the transaction its reference."""
        return self.rows[0]

    @property
    def amount_minor(self) -> int:
        """Its value, signed as IATI has it."""
        return sum(row.iati_sign * row.amount_minor for row in self.rows)

    def subjects(self, kind: str) -> list[str]:
        """Return the subjects of this kind that its accounts are kept for."""
        sides = [
            side
            for row in self.rows
            for side in ((row.debit, row.debit_subject), (row.credit, row.credit_subject))
        ]
        return [subject for code, subject in sides if subject and line_of(code).subject == kind]


def groups(rows: Iterable[Moved]) -> list[Group]:
    """Return postings as transactions: what a record says of one type is one."""
    return [
        Group(tuple(some))
        for _, record in groupby(rows, key=lambda row: row.seq)
        for _, some in groupby(sorted(record, key=_kind), key=_kind)
    ]


def _kind(row: Moved) -> tuple[str, str]:
    return row.iati_type, row.currency


async def transactions(books: OwnBooks, rows: Sequence[Moved]) -> list[Transaction]:
    """Return the transactions of some whole records of a fund."""
    told = groups(rows)
    known = books.known
    agreed = {each for group in told for kind in _AGREED for each in group.subjects(kind)}
    await known.load(Commitment, agreed)
    await known.load(Pledge, {each for group in told for each in group.subjects("pledge")})
    sides = [_other_side(group, known) for group in told]
    facts = await _facts(books, told, sides)
    await known.load_sides([side for side in sides if isinstance(side, Commitment)])
    donors = {side.donor for side in sides if isinstance(side, Pledge)}
    donors |= {each["donor"] for each in facts.values() if "donor" in each}
    await known.load(Party, donors)
    return [
        _transaction(books, group, side, facts.get(group.first.seq, {}))
        for group, side in zip(told, sides, strict=True)
    ]


def _other_side(group: Group, known: Known) -> Commitment | Pledge | None:
    """Return the agreement or pledge that leads to the other side; None where there is none."""
    for kind in _SUBJECTS:
        for subject in group.subjects(kind):
            found = known.get(Pledge if kind == "pledge" else Commitment, subject)
            if isinstance(found, Commitment | Pledge):
                return found
    return None


async def _facts(
    books: OwnBooks, told: Sequence[Group], sides: Sequence[Commitment | Pledge | None]
) -> dict[int, dict[str, Any]]:
    """Return what only the records tell: a deposit's own currency, a giver in kind."""
    wanted = {
        group.first.seq
        for group, side in zip(told, sides, strict=True)
        if side is None or group.first.iati_type == _RECEIPT
    }
    facts: dict[int, dict[str, Any]] = {}
    for seq, content in (await exports.contents(books.connection, wanted)).items():
        body = parse(content)[1]
        for state in (*body.sets.get("deposit", ()), *body.sets.get("in_kind", ())):
            facts[seq] = state | {"rate_on": body.command.get("rate_on", "")}
    return facts


def _transaction(
    books: OwnBooks, group: Group, side: Commitment | Pledge | None, facts: dict[str, Any]
) -> Transaction:
    first = group.first
    us = books.names.fund_side(books.fund.id)
    other = _organisation(books, side, facts) or us
    incoming = first.iati_type in _INCOMING
    return Transaction(
        ordinal=0,
        line=0,
        type=first.iati_type,
        date=first.on,
        amount_minor=group.amount_minor,
        currency=first.currency,
        value="",
        value_date=_rated_on(first, facts),
        ref=f"{first.seq}-{first.line}",
        provider=other if incoming else us,
        receiver=us if incoming else other,
        description=_description(first, facts),
        disbursement_channel=facts.get("channel", ""),
        aid_types=(_ADMINISTRATION,) if _FEE in (row.debit for row in group.rows) else (),
    )


def _organisation(
    books: OwnBooks, side: Commitment | Pledge | None, facts: dict[str, Any]
) -> Organisation | None:
    """Return the other side; None for the fund itself, as with interest and its own costs."""
    if isinstance(side, Commitment) and side.kind == "grant":
        return books.grant_side(side)
    if isinstance(side, Commitment) and side.kind == "transfer":
        ours = side.from_fund == books.fund.id
        return books.names.fund_side(side.to_fund if ours else side.from_fund)
    if side is None or isinstance(side, Pledge):
        donor = side.donor if side else facts.get("donor", "")
        return books.names.organisation(donor) if donor else None
    return books.names.giver(side)


def _rated_on(first: Moved, facts: dict[str, Any]) -> date:
    """Return the day whose exchange rate a value is converted at."""
    told = facts.get("rate_on", "") if first.iati_type == _RECEIPT else ""
    return date.fromisoformat(told) if told else first.on


def _description(first: Moved, facts: dict[str, Any]) -> tuple[Narrative, ...]:
    """Return what was sent and at which rate, where that was in another currency."""
    currency = facts.get("original_currency", first.currency)
    if currency == first.currency or first.iati_type != _RECEIPT:
        return ()
    sent = decimal_text(int(facts["original_minor"]), currency)
    source = f" ({facts['rate_source']})" if facts.get("rate_source") else ""
    return (Narrative(f"{sent} {currency} at {facts['rate']}{source}"),)
