"""A small mechanism that only moves amounts, to make random lineages from: no dates, no books."""

import random
from collections.abc import Callable

from msgspec import structs

from mfm.core.lineage import Envelope, Given, Obligation, Payments, Pool
from mfm.core.money import split

FUNDS = ("g", "h", "n", "m", "l")


class Play:
    """Random legal steps; what they leave is given to lineage."""

    def __init__(self, seed: int, *, losses: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311  # play, not secrets
        self.losses = losses
        self.made: dict[str, Obligation] = {}
        self.envelopes: dict[str, Envelope] = {}
        self.unallocated: dict[Pool, int] = {}
        self.earned: dict[Pool, int] = {}

    def given(self) -> Given:
        return Given(
            dict(self.made), dict(self.envelopes), dict(self.unallocated), dict(self.earned)
        )

    def run(self, steps: int) -> Given:
        moves: list[Callable[[], None]] = [
            *(self.deposit, self.deposit, self.earn, self.cost, self.allocate, self.allocate),
            *(self.sign, self.sign, self.sign, self.pay, self.pay, self.pay, self.confirm),
            *(self.confirm, self.report, self.refund, self.deobligate, self.give_back, self.donor),
        ]
        for _ in range(steps):
            self.random.choice(moves)()
        return self.given()

    def some(self, most: int) -> int:
        return self.random.choice((most, self.random.randint(1, most), min(most, 1)))

    def change(self, made: Obligation, **fields: object) -> None:
        self.made[made.id] = structs.replace(made, **fields)

    def pick(self, *kinds: str) -> Obligation | None:
        found = [each for each in self.made.values() if each.kind in kinds]
        return self.random.choice(found) if found else None

    def put(self, fund: str, source: str, amount: int) -> None:
        pool = Pool(fund, source)
        self.unallocated[pool] = self.unallocated.get(pool, 0) + amount

    # Steps ---------------------------------------------------------------------------------------

    def deposit(self) -> None:
        fund, amount = self.random.choice(FUNDS[:3]), self.random.randint(1, 100_000)
        fee = self.random.choice((0, amount // 100))
        found = self.pick("contribution")
        if found is None or self.random.random() < 0.6:
            name = f"c{len(self.made)}"
            found = Obligation(
                id=name,
                kind="contribution",
                currency="USD",
                from_party=self.random.choice(("x", "y", "z")),
                to_fund=fund,
                amount_minor=0,
            )
        self.change(
            found,
            amount_minor=found.amount_minor + amount + self.random.choice((0, 7)),
            paid_minor=found.paid_minor + amount,
            received_minor=found.received_minor + amount,
            fee_minor=found.fee_minor + fee,
        )
        self.put(found.to_fund, found.id, amount - fee)

    def earn(self) -> None:
        source = self.random.choice(["interest", *(m.id for m in self.made.values() if m.to_fund)])
        fund = self.made[source].to_fund if source in self.made else self.random.choice(FUNDS)
        amount = self.random.randint(1, 500)
        self.put(fund, source, amount)
        if source == "interest":
            pool = Pool(fund, source)
            self.earned[pool] = self.earned.get(pool, 0) + amount

    def cost(self) -> None:
        held = [pool for pool, amount in self.unallocated.items() if amount]
        if held:
            pool = self.random.choice(held)
            self.put(*pool, -self.some(min(self.unallocated[pool], 300)))

    def donor(self) -> None:
        """Give something back to a donor."""
        made = self.pick("contribution")
        if made and (left := self.unallocated[Pool(made.to_fund, made.id)]):
            amount = min(self.some(left), made.paid_minor)
            self.put(made.to_fund, made.id, -amount)
            self.change(
                made,
                returned_minor=made.returned_minor + amount,
                paid_minor=made.paid_minor - amount,
            )

    def allocate(self) -> None:
        fund = self.random.choice(FUNDS)
        held = {p.source: a for p, a in sorted(self.unallocated.items()) if p.fund == fund and a}
        if not held:
            return
        if self.random.random() < 0.3:  # named
            source = self.random.choice(list(held))
            shares = {source: self.some(held[source])}
        else:
            amount = self.some(sum(held.values()))
            shares = dict(zip(held, split(amount, list(held.values())), strict=True))
        name = f"a{len(self.envelopes)}"
        self.envelopes[name] = Envelope(name, fund, shares)
        for source, amount in shares.items():
            self.put(fund, source, -amount)

    def rest(self, envelope: Envelope) -> int:
        under = [each for each in self.made.values() if each.allocation == envelope.id]
        net = sum(each.amount_minor - each.refunded_minor for each in under)
        return sum(envelope.shares.values()) - net

    def sign(self) -> None:
        free = [each for each in self.envelopes.values() if self.rest(each)]
        if not free:
            return
        envelope = self.random.choice(free)
        to_fund = self.random.choice([each for each in FUNDS if each != envelope.fund])
        transfer = self.random.random() < 0.5
        name = f"t{len(self.made)}" if transfer else f"w{len(self.made)}"
        self.made[name] = Obligation(
            id=name,
            kind="transfer" if transfer else "grant",
            currency="USD",
            from_fund=envelope.fund,
            to_fund=to_fund if transfer else "",
            to_party="" if transfer else self.random.choice(("group", "other")),
            allocation=envelope.id,
            amount_minor=self.some(self.rest(envelope)),
        )

    def moved(self, name: str, stage: str, amount: int, short: int = 0, charged: int = 0) -> None:
        made = self.made[name]
        before = made.payments.get(stage, Payments(0))
        after = Payments(
            before.amount_minor + amount,
            before.short_minor + short,
            before.charged_minor + charged,
        )
        self.change(made, payments=made.payments | {stage: after})

    def waiting(self, made: Obligation) -> int:
        asked = [made.payments.get(each, Payments(0)) for each in ("requested", "approved")]
        return made.amount_minor - made.paid_minor - sum(each.amount_minor for each in asked)

    def pay(self) -> None:
        made = self.pick("grant", "transfer")
        if made is None or not (left := self.waiting(made)):
            return
        amount, status = self.some(left), self.random.choice(("requested", "approved", "released"))
        if status == "released":
            self.change(made, paid_minor=made.paid_minor + amount)
        self.moved(made.id, status, amount)

    def confirm(self) -> None:
        made = self.pick("grant", "transfer")
        sent = made.payments.get("released", Payments(0)).amount_minor if made else 0
        if made is None or not sent:
            return
        lost = self.random.choice((0, 1, sent // 50)) if self.losses and made.to_fund else 0
        lost = min(lost, sent)
        resolved = self.random.choice((0, lost))
        self.moved(made.id, "released", -sent)
        self.moved(made.id, "confirmed", sent, lost - resolved, resolved)
        if made.to_fund:
            self.put(made.to_fund, made.id, sent - lost)

    def open(self, made: Obligation) -> int:
        settled = made.accepted_minor + made.claimed_minor + made.lost_minor
        return made.paid_minor - settled

    def report(self) -> None:
        made = self.pick("grant")
        if made and (left := self.open(made)):
            field = self.random.choice(("accepted_minor", "accepted_minor", "lost_minor"))
            self.change(made, **{field: getattr(made, field) + self.some(left)})

    def returned(self, name: str, amount: int) -> None:
        envelope = self.envelopes[name]
        parts = split(amount, list(envelope.shares.values()))
        left = {}
        for (source, held), part in zip(envelope.shares.items(), parts, strict=True):
            left[source] = held - part
            self.put(envelope.fund, source, part)
        self.envelopes[name] = structs.replace(envelope, shares=left)

    def refund(self) -> None:
        made = self.pick("grant")
        if made and (left := self.open(made)):
            amount = self.some(left)
            back = self.random.choice((0, amount))
            self.change(
                made,
                claimed_minor=made.claimed_minor + amount,
                refunded_minor=made.refunded_minor + back,
            )
            if back:
                self.returned(made.allocation, back)

    def deobligate(self) -> None:
        made = self.pick("grant", "transfer")
        if made and (left := self.waiting(made)):
            amount = self.some(left)
            self.change(made, amount_minor=made.amount_minor - amount)
            self.returned(made.allocation, amount)

    def give_back(self) -> None:
        free = [each for each in self.envelopes.values() if self.rest(each)]
        if free:
            envelope = self.random.choice(free)
            self.returned(envelope.id, self.some(self.rest(envelope)))
