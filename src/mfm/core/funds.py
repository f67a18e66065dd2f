"""Funds: each keeps a FIN and a BUD book, has a tier, and may stand under another fund."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, structs

from mfm.core.accounts import Account
from mfm.core.errors import Invalid, Refused
from mfm.core.money import Currency, Money, minor
from mfm.core.parties import Identifier
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import FIRST_DAY, Act, Command, Id, Name

Tier = Literal["global", "regional", "national", "local"]
TimeZone = Annotated[str, Meta(max_length=64, description="IANA time zone, such as Africa/Nairobi")]
BasisPoints = Annotated[int, Meta(ge=0, le=1000, description="1/100 of a per cent")]


class Fund(Noun, frozen=True, kw_only=True):
    """A fund.

    Attributes:
        name: its public name.
        tier: global, regional, national or local ("" for reported books).
        parent: the fund above it, or "".
        steward: the party that keeps it.
        currency: ISO 4217; every posting of the fund is in it (reported books keep several).
        time_zone: IANA name; dates without one are days here.
        open_from: the first day that still takes entries.
        open_until: the last day that takes entries; None while the end is open.
        fee_basis_points: the administrative agent's fee on gross deposits, 100 = 1 %.
        identifier: the IATI identifier of its own activity, or "".
        reported: whether these are imported books of others: no floors, no periods.
    """

    name: str
    tier: str = ""
    parent: str = ""
    steward: str = ""
    currency: str
    time_zone: str = "UTC"
    open_from: date = FIRST_DAY
    open_until: date | None = None
    fee_basis_points: int = 100
    identifier: str = ""
    reported: bool = False

    def account(self, code: str, subject: str = "") -> Account:
        """Return one of the fund's accounts in its own currency."""
        return Account(
            self.id, "BUD" if code.startswith("9") else "FIN", code, self.currency, subject
        )

    def move(
        self, debit: tuple[str, str], credit: tuple[str, str], amount_minor: int, iati: int = 0
    ) -> Posting:
        """Return a posting between two of its accounts, each given as (code, subject).

        Args:
            debit: code and subject of the account debited.
            credit: code and subject of the account credited.
            amount_minor: above zero, in the fund's currency.
            iati: the IATI transaction type in the fund's activity, negative for a negative
                value of that type, 0 for none.
        """
        return Posting(
            self.account(*debit),
            self.account(*credit),
            amount_minor,
            str(abs(iati)) if iati else "",
            -1 if iati < 0 else 1,
        )

    def amount(self, money: Money, pointer: str) -> int:
        """Return an amount that must be in the fund's currency, in minor units.

        Raises:
            Invalid: as `money.minor`, and `currency-not-fund`.
        """
        amount_minor = minor(money, pointer)
        if money.currency != self.currency:
            detail = f"Fund {self.id} keeps its books in {self.currency}, not {money.currency}."
            raise Invalid("currency-not-fund", detail, f"{pointer}/currency")
        return amount_minor

    def check_open(self, on: date) -> None:
        """Hold the fund's periods; reported books have none.

        Raises:
            Refused: `period-closed`.
        """
        if self.reported:
            return
        if on < self.open_from or (self.open_until is not None and on > self.open_until):
            until = f" until {self.open_until}" if self.open_until else ""
            detail = f"Fund {self.id} takes entries from {self.open_from}{until}; {on} is outside."
            raise Refused("period-closed", detail, "/effective_on")


class OpenFund(Command, frozen=True, kw_only=True):
    """Open a fund."""

    id: Id | None = None
    name: Name
    tier: Tier
    currency: Currency
    steward: Id
    parent: Id | None = None
    time_zone: TimeZone = "UTC"
    open_from: date = FIRST_DAY
    fee_basis_points: BasisPoints = 100
    identifier: Identifier = ""


class SetPeriod(Command, frozen=True, kw_only=True):
    """Set from when until when a fund takes entries."""

    fund: Id
    open_from: date
    open_until: date | None = None


def open_fund(act: Act, command: OpenFund, fund_id: str) -> Draft:
    """Record a new fund with empty books."""
    fund = Fund(
        id=fund_id,
        status="open",
        name=command.name,
        tier=command.tier,
        parent=command.parent or "",
        steward=command.steward,
        currency=command.currency,
        time_zone=command.time_zone,
        open_from=command.open_from,
        fee_basis_points=command.fee_basis_points,
        identifier=command.identifier,
    )
    return Draft(effective_on=act.on, sets=(fund,), funds=(fund_id,))


def set_period(act: Act, command: SetPeriod, fund: Fund) -> Draft:
    """Record the days between which a fund takes entries.

    Raises:
        Refused: `period-backwards`.
    """
    if command.open_until is not None and command.open_until < command.open_from:
        detail = f"{command.open_until} is before {command.open_from}."
        raise Refused("period-backwards", detail, "/open_until")
    changed = structs.replace(fund, open_from=command.open_from, open_until=command.open_until)
    return Draft(effective_on=act.on, sets=(changed,), funds=(fund.id,))
