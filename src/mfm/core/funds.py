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
AdvanceModel = Literal["advance", "expense_on_payment"]
ReportDays = Annotated[int, Meta(ge=0, le=3_660, description="Days; 0 for no due date")]
YearStart = Annotated[
    str,
    Meta(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$(?!\n)",
        description="Month and day on which the fiscal year starts, such as 07-01",
    ),
]
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
        advance_model: what a paid tranche is: an advance until a report is accepted, or expense
            at once (IPSAS 48: with and without a binding arrangement).
        review: whether a tranche is approved only after somebody reviewed it.
        report_days: how many days after its payment a tranche's report is due, 0 for no due date.
        fiscal_year_start: month and day, such as 07-01.
        closed_until: the last day of the last period that was closed, for good; None before that.
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
    advance_model: str = "advance"
    review: bool = False
    report_days: int = 0
    fiscal_year_start: str = "01-01"
    closed_until: date | None = None

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

    def must_be_kept(self, pointer: str = "/fund") -> None:
        """Hold that its books are kept here, not imported.

        Raises:
            Invalid: `fund-reported`.
        """
        if self.reported:
            detail = f"Fund {self.id} holds imported books; import a corrected file instead."
            raise Invalid("fund-reported", detail, pointer)

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

    def is_open(self, on: date) -> bool:
        """Tell whether it takes entries on a day; reported books have no periods."""
        inside = self.open_from <= on and (self.open_until is None or on <= self.open_until)
        return self.reported or inside

    def check_open(self, on: date) -> None:
        """Hold the fund's periods; reported books have none.

        Raises:
            Refused: `period-closed`.
        """
        if not self.is_open(on):
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
    advance_model: AdvanceModel = "advance"
    review: bool = False
    report_days: ReportDays = 0
    fiscal_year_start: YearStart = "01-01"


class SetDisbursing(Command, frozen=True, kw_only=True):
    """Set how a fund's tranches are reviewed, booked and reported on; what is left out stays."""

    fund: Id
    advance_model: AdvanceModel | None = None
    review: bool | None = None
    report_days: ReportDays | None = None


class SetPeriod(Command, frozen=True, kw_only=True):
    """Set from when until when a fund takes entries, and perhaps when its fiscal year starts."""

    fund: Id
    open_from: date
    open_until: date | None = None
    fiscal_year_start: YearStart | None = None


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
        advance_model=command.advance_model,
        review=command.review,
        report_days=command.report_days,
        fiscal_year_start=command.fiscal_year_start,
    )
    return Draft(effective_on=act.on, sets=(fund,), funds=(fund_id,))


def set_disbursing(act: Act, command: SetDisbursing, fund: Fund) -> Draft:
    """Record how a fund disburses from now on; tranches that were asked for keep their basis.

    Raises:
        Invalid: `field-missing` when nothing is told, `fund-reported`.
    """
    names = ("advance_model", "review", "report_days")
    told = {name: value for name in names if (value := getattr(command, name)) is not None}
    if not told:
        raise Invalid("field-missing", f"Tell at least one of {', '.join(names)}.")
    fund.must_be_kept()
    return Draft(effective_on=act.on, sets=(structs.replace(fund, **told),), funds=(fund.id,))


def set_period(act: Act, command: SetPeriod, fund: Fund) -> Draft:
    """Record the days between which a fund takes entries.

    Raises:
        Refused: `period-backwards`, `period-final` for days of a closed period.
    """
    if fund.closed_until is not None and command.open_from <= fund.closed_until:
        detail = (
            f"Fund {fund.id} is closed up to {fund.closed_until}, for good: a correction counts"
            " from a day of the open period."
        )
        raise Refused("period-final", detail, "/open_from")
    if command.open_until is not None and command.open_until < command.open_from:
        detail = f"{command.open_until} is before {command.open_from}."
        raise Refused("period-backwards", detail, "/open_until")
    changed = structs.replace(
        fund,
        open_from=command.open_from,
        open_until=command.open_until,
        fiscal_year_start=command.fiscal_year_start or fund.fiscal_year_start,
    )
    return Draft(effective_on=act.on, sets=(changed,), funds=(fund.id,))
