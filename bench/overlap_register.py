"""A made-up mechanism of any size, with something in it for every detector of overlap.

One organisation in fifty is another's twin, one application in fifty has another's title, one bank
account in two hundred is another's, one bill in a hundred is told again. Nothing of it is real.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from itertools import chain

from bench.matching import Drawing, register
from mfm.app.matching import lexicon
from mfm.core.applications import Application, BudgetLine, Partner
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.commitments import Commitment
from mfm.core.costs import Cost
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.core.schedules import Tranche

CALLS, FUNDS, DONORS = 40, 4, 40
DAY = date(2026, 1, 1)
LOCAL_EVERY = 1_000
"""One organisation in so many keeps a fund of its own, and gives on to others."""
LOCAL_GRANTS = 10


def around() -> tuple[Noun, ...]:
    """Return the funds and their calls."""
    funds = (_fund(f"f{at}", ("global", "national")[at % 2], "agent") for at in range(FUNDS))
    calls = (
        Call(
            id=f"k{at}",
            status="published",
            fund=f"f{at % FUNDS}",
            title=f"Call {at}",
            currency="USD",
            opens_on=DAY + timedelta(20 * at),
            closes_on=DAY + timedelta(20 * at + 40),
            ceiling_minor=5_000_000,
            written_in=1,
            drafted_by="a",
            published_by="b",
        )
        for at in range(CALLS)
    )
    return (*funds, *calls)


def _fund(fund: str, tier: str, steward: str) -> Fund:
    return Fund(
        id=fund,
        status="open",
        name=f"Fund {fund}",
        tier=tier,
        currency="USD",
        time_zone="UTC",
        steward=steward,
        open_from=DAY,
    )


class Growing:
    """Yields organisations one after another, each with what it asks for, gets and tells."""

    def __init__(self, size: int) -> None:
        """Prepare so many."""
        self._drawn = random.Random(7)
        words = sorted(word for word, means in lexicon().exact.items() if len(word) > 3 and means)
        self._words = Drawing(self._drawn, words)
        self._register = register(size)
        self._titles: list[str] = []

    def __iter__(self) -> Iterator[tuple[Noun, ...]]:
        """Yield the nouns of each organisation."""
        for at, each in enumerate(self._register):
            party = f"party-{at}"
            name, country = each.view.name, each.view.country or ""
            yield tuple(
                chain(
                    [Party(id=party, status="registered", name=name, country=country)],
                    self._attested(at),
                    self._asked(at),
                    self._told(at) if at % 10 == 0 else (),
                    self._given_on(at) if at % LOCAL_EVERY == 0 else (),
                )
            )

    def _one_in(self, many: int) -> bool:
        return self._drawn.randrange(many) == 0

    def _earlier(self, at: int) -> int:
        return self._drawn.randint(0, at)

    def _attested(self, at: int) -> Iterator[Noun]:
        """Yield a bank account, and an annual budget of two in five."""
        told = {
            "status": "in-force",
            "party": f"party-{at}",
            "source": "a letter",
            "verified_on": DAY,
            "verified_by": "a",
            "verifier": "agent",
        }
        whose = self._earlier(at) if self._one_in(200) else at
        account = sha256(str(whose).encode()).hexdigest()
        bank = {"kind": "bank-account", "value": account, "changed_on": DAY}
        yield Attestation(id=f"party-{at}.bank", **bank, **told)  # type: ignore[arg-type]  # of many types
        if at % 5 in (0, 3):
            spent = {"currency": "USD", "amount_minor": 2_000_000 + self._drawn.randrange(10**8)}
            yield Attestation(id=f"party-{at}.budget", kind="annual-budget", **spent, **told)  # type: ignore[arg-type]  # of many types

    def _title(self) -> str:
        title = " ".join(self._words.some(self._drawn.randint(5, 12)))
        if self._titles and self._one_in(50):
            title = self._drawn.choice(self._titles)
        self._titles.append(title)
        return title

    def _asked(self, at: int) -> Iterator[Noun]:
        """Yield an application, one in twenty with a partner; and of three in ten the grant."""
        lead, call = f"party-{self._earlier(at)}", self._drawn.randrange(CALLS)
        partner = f"party-{self._earlier(at)}" if self._one_in(20) else lead
        starts_on = DAY + timedelta(self._drawn.randrange(700))
        days = starts_on, starts_on + timedelta(365)
        amount_minor = 100_000 + self._drawn.randrange(4_900_000)
        yield Application(
            id=f"application-{at}",
            status="submitted",
            call=f"k{call}",
            fund=f"f{call % FUNDS}",
            lead=lead,
            title=self._title(),
            currency="USD",
            amount_minor=amount_minor,
            budget=(BudgetLine(lead, "staff", amount_minor),),
            partners=() if partner == lead else (Partner(partner, "given", "c"),),
            starts_on=days[0],
            ends_on=days[1],
            written_in=1,
            submitted_by="a",
            submitted_on=DAY + timedelta(20 * call),
        )
        if at % 10 in (1, 4, 7):
            yield self._grant(f"grant-{at}", f"f{call % FUNDS}", lead, (amount_minor, *days))
            yield from self._reported(f"grant-{at}", f"f{call % FUNDS}", lead, days)

    def _grant(self, grant: str, fund: str, party: str, told: tuple[int, date, date]) -> Commitment:
        return Commitment(
            id=grant,
            status="signed",
            kind="grant",
            from_fund=fund,
            to_party=party,
            currency="USD",
            amount_minor=told[0],
            tranches=(Tranche(1, told[0], told[1]),),
            starts_on=told[1],
            ends_on=told[2],
        )

    def _reported(
        self, grant: str, fund: str, party: str, days: tuple[date, date]
    ) -> Iterator[Noun]:
        """Yield two reports of a grant; one in a hundred tells a round bill, as others do."""
        for part in (1, 2):
            spent = 250_000 if self._one_in(100) else 1 + self._drawn.randrange(2_000_000)
            yield Report(
                id=f"{grant}.{part}",
                status="accepted",
                commitment=grant,
                fund=fund,
                party=party,
                currency="USD",
                direct_minor=spent,
                support_minor=0,
                asked_direct_minor=spent,
                submitted_by="a",
                decided_by="b",
                decided_on=days[1] + timedelta(30),
                submitted_on=days[0] + timedelta(150 * part + self._drawn.randrange(40)),
            )

    def _told(self, at: int) -> Iterator[Noun]:
        """Yield a contribution, which one in ten tells again at another tier; and a fund's cost."""
        amount, on = 10_000_000 + self._drawn.randrange(10**9), DAY + timedelta(at % 900)
        donor = f"donor-{self._drawn.randrange(DONORS)}"
        for part in range(2 if self._one_in(10) else 1):
            yield Commitment(
                id=f"contribution-{at}.{part}",
                status="signed",
                kind="contribution",
                from_party=donor,
                to_fund=f"f{(at + part) % FUNDS}",
                currency="USD",
                amount_minor=amount,
                income="4010",
                starts_on=on,
            )
        yield Cost(
            id=f"cost-{at}",
            status="paid",
            kind="direct",
            fund=f"f{self._drawn.randrange(FUNDS)}",
            bank_account="main",
            currency="USD",
            amount_minor=1_000 + self._drawn.randrange(1_000_000),
            shares=(),
        )

    def _given_on(self, at: int) -> Iterator[Noun]:
        """Yield a fund that an organisation keeps, and what it grants to others."""
        yield _fund(f"l{at}", "local", f"party-{at}")
        for part in range(LOCAL_GRANTS):
            told = (1_000_000, DAY, DAY + timedelta(700))
            yield self._grant(f"local-{at}.{part}", f"l{at}", f"party-{self._earlier(at)}", told)
