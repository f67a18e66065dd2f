"""An oracle for the journal: a naive ledger that shares no code with the one it judges."""

from copy import deepcopy
from datetime import date
from typing import NamedTuple

LARGEST = 2**63 - 1
DEBIT_NORMAL = {"1100", "5600", "5700", "5900", "9399"}
NEVER_BELOW_ZERO = {"1100", "2500", "2900", "9300", "9399"}
UNFLOORED = {"3100", "3300", "4500", "5600", "5700", "5900", "9340"}
OPEN_TO_VOUCHERS = NEVER_BELOW_ZERO | UNFLOORED
CASH_AND_ITS_BACKING = {"1100", "2500", "2900", "9300"}
KEPT_BY_VERBS = {"1200"}


class Line(NamedTuple):
    """One side of a voucher."""

    code: str
    subject: str
    side: str
    amount: int


class Voucher(NamedTuple):
    """What is posted."""

    fund: str
    lines: tuple[Line, ...]
    on: date
    text: str


class Item(NamedTuple):
    """A voucher in a batch."""

    key: str
    group: str
    voucher: Voucher


class Answer(NamedTuple):
    """An outcome: a record (perhaps of a refusal, perhaps of long ago) or a problem without one.

    `code` is "" for an accepted record; `pointer` counts where a key was reused.
    """

    seq: int
    code: str
    replayed: bool = False
    pointer: str = ""


class Known(NamedTuple):
    """What a key has made."""

    voucher: Voucher
    answer: Answer


Place = tuple[str, str, str]
Pair = tuple[Place, Place, int]


class No(Exception):  # an answer, not an error
    """A voucher that is not taken; `record` when the refusal is one."""

    def __init__(self, code: str, *, record: bool) -> None:
        super().__init__(code)
        self.code, self.record = code, record


class Oracle:
    """Funds with their periods, debits and credits of every account, and what each key has made."""

    def __init__(self, seq: int, funds: dict[str, tuple[date, date]]) -> None:
        self.seq = seq
        self.periods = funds
        self.debits: dict[Place, int] = {}
        self.credits: dict[Place, int] = {}
        self.history: list[tuple[date, Pair]] = []
        self.keys: dict[str, Known] = {}
        self.accepted: dict[int, tuple[str, list[Pair]]] = {}
        self.others: set[int] = set()  # records of refusals and reversals
        self.reversed: set[int] = set()

    def held(self, place: Place) -> int:
        """A balance, on its account's own side."""
        net = self.debits.get(place, 0) - self.credits.get(place, 0)
        return net if place[1] in DEBIT_NORMAL else -net

    # One voucher ---------------------------------------------------------------------------------

    def _pairs(self, voucher: Voucher) -> list[Pair]:
        """What a voucher moves, debit by credit; or why it is none."""
        if voucher.fund not in self.periods:
            raise No("not-found", record=False)
        books: dict[bool, list[tuple[Place, int]]] = {}
        for line in voucher.lines:
            side = self._side(voucher.fund, line)
            books.setdefault(line.code[0] == "9", []).append(side)
        return [pair for sides in books.values() for pair in self._paired(sides)]

    def _side(self, fund: str, line: Line) -> tuple[Place, int]:
        if line.code not in OPEN_TO_VOUCHERS:
            code = "account-controlled" if line.code in KEPT_BY_VERBS else "account-unknown"
            raise No(code, record=False)
        if line.amount == 0:
            raise No("amount-zero", record=False)
        signed = line.amount if line.side == "debit" else -line.amount
        return (fund, line.code, line.subject), signed

    def _paired(self, sides: list[tuple[Place, int]]) -> list[Pair]:
        """Debits and credits of one book, matched in the order given."""
        if sum(signed for _, signed in sides):
            raise No("entry-unbalanced", record=False)
        made: list[Pair] = []
        debits = [[place, signed] for place, signed in sides if signed > 0]
        credits_ = [[place, -signed] for place, signed in sides if signed < 0]
        while debits:
            if debits[0][0] == credits_[0][0]:
                raise No("entry-circular", record=False)
            amount = min(debits[0][1], credits_[0][1])
            made.append((debits[0][0], credits_[0][0], amount))
            for rest in (debits, credits_):
                rest[0][1] -= amount
                if not rest[0][1]:
                    rest.pop(0)
        return made

    def _move(self, fund: str, on: date, pairs: list[Pair]) -> None:
        """Move the money of one record, or raise and leave things half done (callers restore)."""
        first, last = self.periods[fund]
        if not first <= on <= last:
            raise No("period-closed", record=True)
        uncovered = 0
        for debit, credit, amount in pairs:
            uncovered += amount if debit[1] in CASH_AND_ITS_BACKING else 0
            uncovered -= amount if credit[1] in CASH_AND_ITS_BACKING else 0
        if uncovered:
            raise No("cash-without-authority", record=True)
        for debit, credit, amount in pairs:
            self.debits[debit] = self.debits.get(debit, 0) + amount
            self.credits[credit] = self.credits.get(credit, 0) + amount
            for place in (debit, credit):
                if place[1] in NEVER_BELOW_ZERO and self.held(place) < 0:
                    raise No("balance-floor", record=True)
                if max(self.debits.get(place, 0), self.credits.get(place, 0)) > LARGEST:
                    raise No("balance-overflow", record=True)
        self.history += [(on, pair) for pair in pairs]

    def _try(self, voucher: Voucher) -> list[Pair]:
        pairs = self._pairs(voucher)
        self._move(voucher.fund, voucher.on, pairs)
        return pairs

    # Keys ----------------------------------------------------------------------------------------

    def _answered(self, item: Item) -> Answer:
        known = self.keys[item.key]
        if known.voucher == item.voucher:
            return known.answer._replace(replayed=True)
        old, new = known.voucher, item.voucher
        differs = [
            name
            for name, one, two in (
                ("effective_on", old.on, new.on),
                ("fund", old.fund, new.fund),
                ("description", old.text, new.text),
                ("lines", old.lines, new.lines),
            )
            if one != two
        ]
        return Answer(0, "key-reused", pointer=f"/{differs[0]}")

    def _accept(self, item: Item, pairs: list[Pair]) -> Answer:
        self.seq += 1
        self.accepted[self.seq] = (item.voucher.fund, pairs)
        answer = Answer(self.seq, "")
        self.keys[item.key] = Known(item.voucher, answer)
        return answer

    def _refuse(self, item: Item, code: str, *, record: bool) -> Answer:
        if not record:
            return Answer(0, code)
        self.seq += 1
        self.others.add(self.seq)
        answer = Answer(self.seq, code)
        self.keys[item.key] = Known(item.voucher, answer)
        return answer

    # Batches -------------------------------------------------------------------------------------

    def _restore(self, kept: tuple[dict[Place, int], dict[Place, int], int]) -> None:
        self.debits, self.credits = kept[0], kept[1]
        del self.history[kept[2] :]

    def _keep(self) -> tuple[dict[Place, int], dict[Place, int], int]:
        return deepcopy(self.debits), deepcopy(self.credits), len(self.history)

    def _together(self, items: list[Item]) -> list[Answer]:
        """Items that succeed or fail as one."""
        if any(item.key in self.keys for item in items):
            return [
                self._answered(item)
                if item.key in self.keys
                else Answer(0, "key-reused", pointer="/group")
                for item in items
            ]
        keys = [item.key for item in items]
        if again := [at for at, key in enumerate(keys) if key in keys[:at]]:
            told = [Answer(0, "linked-failed")] * len(items)
            told[again[0]] = Answer(0, "key-reused", pointer="/key")
            return told
        kept = self._keep()
        done: list[list[Pair]] = []
        try:
            for item in items:
                pairs = self._try(item.voucher)
                done.append(pairs)
        except No as no:
            self._restore(kept)
            codes = ["linked-failed"] * len(items)
            codes[len(done)] = no.code
            return [
                self._refuse(item, code, record=no.record)
                for item, code in zip(items, codes, strict=True)
            ]
        return [self._accept(item, pairs) for item, pairs in zip(items, done, strict=True)]

    def _alone(self, item: Item) -> Answer:
        if item.key in self.keys:
            return self._answered(item)
        return self._together([item])[0]

    def post(self, items: list[Item]) -> list[Answer] | str:
        """A batch: an answer each, or the code for which it was not looked at."""
        runs: list[list[Item]] = []
        for item in items:
            if item.group and runs and runs[-1][0].group == item.group:
                runs[-1].append(item)
            else:
                runs.append([item])
        names = [run[0].group for run in runs if run[0].group]
        if len(names) != len(set(names)):
            return "group-split"
        told: list[Answer] = []
        for run in runs:
            told += self._together(run) if run[0].group else [self._alone(run[0])]
        return told

    # Other verbs ---------------------------------------------------------------------------------

    def reverse(self, seq: int, on: date) -> Answer:
        """Take a record back (the request's key is new)."""
        if seq > self.seq:
            return Answer(0, "not-found")
        kept = self._keep()
        try:
            self._take_back(seq, on)
        except No as no:
            self._restore(kept)
            self.seq += 1
            self.others.add(self.seq)
            return Answer(self.seq, no.code)
        self.reversed.add(seq)
        self.seq += 1
        self.others.add(self.seq)
        return Answer(self.seq, "")

    def _take_back(self, seq: int, on: date) -> None:
        if seq in self.others:
            raise No("record-empty", record=True)
        if seq in self.reversed:
            raise No("record-reversed", record=True)
        fund, pairs = self.accepted[seq]
        back = [(credit, debit, amount) for debit, credit, amount in reversed(pairs)]
        self._move(fund, on, back)

    def set_period(self, fund: str, period: tuple[date, date]) -> None:
        """Change the days on which a fund takes entries; it is a record too."""
        self.periods[fund] = period
        self.seq += 1
        self.accepted[self.seq] = (fund, [])

    def as_of(self, day: date) -> dict[Place, int]:
        """Debits less credits of every account that was moved with effect until a day."""
        told: dict[Place, int] = {}
        for on, (debit, credit, amount) in self.history:
            if on <= day:
                told[debit] = told.get(debit, 0) + amount
                told[credit] = told.get(credit, 0) - amount
        return told
