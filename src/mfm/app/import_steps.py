"""Imports, third part: steps held against the books in one unit, with a record for what differs."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct, structs

from mfm.app.context import Context
from mfm.app.import_plan import BookStep, CheckStep, GoneStep, PartyStep, RowStep, Step
from mfm.app.overlap_keys import keep
from mfm.core.accounts import Account
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.journal import Move
from mfm.core.money import decimal_text
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun, parse, posting_of
from mfm.core.reported import (
    ReportedActivity,
    ReportedTransaction,
    postings,
    stands,
    withdraw,
)
from mfm.formats.iati import Finding, Refusal
from mfm.store.journal import Entry, key_hash
from mfm.store.unit import Unit

_SPENT = ("1300", "5600", "5100")
_LOOKED_AT = ("1100", "9320", *_SPENT)


class Outcome(Struct):
    """What some steps have come to.

    Attributes:
        records: how many were appended.
        refused: transactions that the ledger could not take.
        findings: what the books show.
        latest: the last record that told of an activity before.
    """

    records: int = 0
    refused: list[Refusal] = []
    findings: list[Finding] = []
    latest: int = 0

    def add(self, other: "Outcome") -> None:
        """Add what further steps have come to."""
        self.records += other.records
        self.refused += other.refused
        self.findings += other.findings
        self.latest = max(self.latest, other.latest)


async def take(unit: Unit, actor: Actor, some: Sequence[Step]) -> Outcome:
    """Make the books as the steps say, in order; what is so already is left alone.

    Raises:
        Invalid: `id-taken` when something else has the id of a book or party to be made.
    """
    taking = _Taking(unit, actor)
    await taking.prefetch(some)
    for step in some:
        match step:
            case RowStep():
                await taking.row(step)
            case GoneStep():
                await taking.gone(step)
            case PartyStep():
                await taking.party(step)
            case BookStep():
                await taking.book(step)
            case CheckStep():
                taking.check(step)
    return taking.outcome


class _Taking:
    """Steps while they are taken in one unit.

    Attributes:
        outcome: what they came to so far.
    """

    def __init__(self, unit: Unit, actor: Actor) -> None:
        self.unit, self.actor, self.told = unit, actor, actor.told()
        self.today = Context(unit, actor, "import.iati").act(None).on
        self.nouns = unit.memory.rows
        self.parties: dict[str, Party] = {}
        self.funds: dict[str, str] = {}
        self.before: dict[int, bytes] = {}
        self.outcome = Outcome()

    # Reading, with one query for each kind of thing -----------------------------------------------

    async def prefetch(self, some: Sequence[Step]) -> None:
        """Read all that the steps need."""
        await self._prefetch_parties(some)
        await self._prefetch_books([step for step in some if isinstance(step, BookStep)])
        accounts = await self._prefetch_rows(some)
        for step in some:
            if isinstance(step, CheckStep):
                accounts += [each for currency in step.currencies for each in _ends(step, currency)]
        await self.unit.load_accounts(accounts)

    async def _prefetch_parties(self, some: Sequence[Step]) -> None:
        parties = [step.party for step in some if isinstance(step, PartyStep)]
        wanted = [party.identifier for party in parties]
        wanted += [step.reporter for step in some if isinstance(step, BookStep) and step.reporter]
        if not wanted:
            return
        await self.unit.load(Party, [party.id for party in parties])
        known = await self.unit.find_all(Party, "identifier", wanted)
        self.parties = {party.identifier: party for party in known}

    async def _prefetch_books(self, books: Sequence[BookStep]) -> None:
        if not books:
            return
        await self.unit.load(Fund, [step.fund.id for step in books])
        await self.unit.load(ReportedActivity, [step.fund.id for step in books])
        identifiers = [step.fund.identifier for step in books]
        known = await self.unit.find_all(Fund, "identifier", identifiers)
        self.funds = {fund.identifier: fund.id for fund in known}

    async def _prefetch_rows(self, some: Sequence[Step]) -> list[Account]:
        """Read the transactions and what is to be taken back; return the accounts that move."""
        told = {step.row.id: step.draft for step in some if isinstance(step, RowStep)}
        ids = [*told, *(step.id for step in some if isinstance(step, GoneStep))]
        await self.unit.load(ReportedTransaction, ids)
        leaving = [row for each in ids if stands(row := self._row(each))]
        if leaving:
            self.before = await self.unit.records([row.seq for row in leaving if row])
        moving = [posting for draft in told.values() for posting in draft.postings]
        moving += [posting for row in leaving if row for posting in postings(row)]
        return [account for each in moving for account in (each.debit, each.credit)]

    def _row(self, row_id: str) -> ReportedTransaction | None:
        return self.nouns.get((ReportedTransaction, row_id))  # type: ignore[return-value]  # keyed by its own type

    # Writing --------------------------------------------------------------------------------------

    async def party(self, step: PartyStep) -> None:
        """Register an organisation that is no party yet."""
        party = step.party
        if party.identifier in self.parties:
            return
        before = self.nouns.get((Party, party.id))
        if isinstance(before, Party) and before.identifier != party.identifier:
            raise Invalid("id-taken", f"Party {party.id} is not {party.identifier}.")
        draft = Draft(effective_on=self.today, sets=(party,))
        await self._write("import.party", draft, before.seq if before else 0)
        self.parties[party.identifier] = party

    async def book(self, step: BookStep) -> None:
        """Open an activity's book, or change what is said of it."""
        wanted: tuple[Noun, ...] = (self._fund(step), step.activity)
        found = [self.nouns.get((type(row), row.id)) for row in wanted]
        latest = max(row.seq if row else 0 for row in found)
        changed = tuple(
            row
            for row, before in zip(wanted, found, strict=True)
            if before is None or structs.replace(before, seq=0, prev=0) != row
        )
        self.outcome.latest = max(self.outcome.latest, latest)
        if changed:
            self.unit.keep_blob(step.content)
            facts = {"file": step.file}
            funds = (step.fund.id,)
            draft = Draft(effective_on=self.today, sets=changed, funds=funds, facts=facts)
            await self._write("import.activity", draft, latest)

    def _fund(self, step: BookStep) -> Fund:
        """Return the book as it shall be: what the file says, over what was set by hand."""
        told = step.fund
        before: Fund = self.nouns.get((Fund, told.id), told)  # type: ignore[assignment]  # keyed by its own type
        if not before.reported:
            raise Invalid("id-taken", f"Fund {told.id} is not a reported book.")
        identifier, steward = told.identifier, self.parties.get(step.reporter)
        if self.funds.get(identifier, told.id) != told.id:
            identifier = ""
            detail = f"Fund {self.funds[told.identifier]} has this identifier and books of its own."
            self.outcome.findings.append(
                Finding("own-activity", told.identifier, step.line, detail)
            )
        return structs.replace(
            before,
            seq=0,
            prev=0,
            status=told.status,
            name=told.name,
            currency=told.currency,
            steward=steward.id if steward else "",
            identifier=identifier,
        )

    async def row(self, step: RowStep) -> None:
        """Record a transaction; one that stands with another content is taken back first."""
        before, draft = self._row(step.row.id), step.draft
        generation = before.seq if before else 0
        replaces = before if before is not None and stands(before) else None
        if replaces is not None and replaces.digest == step.row.digest:
            return
        try:
            back = await self._taken_back(replaces) if replaces else None
        except Refused as refused:
            self._refuse(step, refused)
            return
        try:
            moves = await self.unit.admit(draft)
        except Refused as refused:
            moves = None
            self._refuse(step, refused)
        file = draft.facts["file"]
        if back is not None:
            follower = self.unit.next_seq + 1 if moves is not None else 0
            await self._write_back(back, file, follower)
            generation = back[0].reverses
            draft = structs.replace(draft, facts=draft.facts | {"replaces": str(generation)})
        if moves is not None:
            if step.blob:
                self.unit.keep_blob(step.blob)
            await self._write("import.transaction", draft, generation, moves, step.narratives)

    async def gone(self, step: GoneStep) -> None:
        """Take back a transaction that the file has no more."""
        before = self._row(step.id)
        if before is not None and stands(before):
            await self._write_back(await self._taken_back(before), step.file, 0)

    async def _taken_back(self, row: ReportedTransaction) -> tuple[Draft, list[Move]]:
        _, body = parse(self.before[row.seq])
        moved = tuple(posting_of(told) for told in body.postings)
        draft = withdraw(row, body.effective_on or self.today, moved)
        return draft, await self.unit.admit(draft)

    async def _write_back(self, back: tuple[Draft, list[Move]], file: str, follower: int) -> None:
        draft, moves = back
        facts = {"file": file} | ({"replaced_by": str(follower)} if follower else {})
        draft = structs.replace(draft, facts=facts)
        await self._write("import.withdraw", draft, draft.reverses, moves)

    async def _write(
        self, verb: str, draft: Draft, before: int, moves: Sequence[Move] = (), text: str = ""
    ) -> None:
        """Append a record; its key names the state it follows, so that each state is left once."""
        key = f"{verb} {draft.sets[-1].id} {before}"  # a space: no caller's own key has one
        keys = (key_hash(self.actor.party, key), sha256(key.encode()).digest())
        entry = Entry(verb, self.told, keys, {})
        if text:
            entry.texts["narratives"] = text
        made = await self.unit.write(entry, draft, list(moves))
        await keep(self.unit, draft.sets, (made.seq, entry.texts))
        self.outcome.records += 1

    def _refuse(self, step: RowStep, refused: Refused) -> None:
        code = "value-too-large" if refused.code == "balance-overflow" else refused.code
        self.outcome.refused.append(structs.replace(step.place, code=code))

    # Looking --------------------------------------------------------------------------------------

    def check(self, step: CheckStep) -> None:
        """Find what the books of an activity show, now that all of it is in them."""
        for currency in step.currencies:
            held = [self._balance(account) for account in _ends(step, currency)]
            cash_minor, committed_minor, spent_minor = held[0], held[1], sum(held[2:])
            if cash_minor < 0:
                short = decimal_text(-cash_minor, currency)
                detail = f"Its payments exceed its receipts by {short} {currency}."
                self._found("disbursed-more-than-received", step, detail)
            if 0 < committed_minor < spent_minor:
                over = decimal_text(spent_minor - committed_minor, currency)
                detail = f"Its payments exceed its commitments by {over} {currency}."
                self._found("disbursed-more-than-committed", step, detail)

    def _balance(self, account: Account) -> int:
        held = self.unit.memory.ledger.balances.get(account)
        return held.balance_minor if held else 0

    def _found(self, code: str, step: CheckStep, detail: str) -> None:
        self.outcome.findings.append(Finding(code, step.identifier, step.line, detail))


def _ends(step: CheckStep, currency: str) -> list[Account]:
    """Return the accounts that tell how an activity's books end."""
    return [
        Account(step.fund, "BUD" if code.startswith("9") else "FIN", code, currency, "")
        for code in _LOOKED_AT
    ]
