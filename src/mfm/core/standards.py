"""Standards: the floors and limits that a fund's board has set, which its policies ask for."""

from typing import Annotated

from msgspec import Meta, structs

from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id

Percent = Annotated[int, Meta(ge=0, le=100)]
Days = Annotated[int, Meta(ge=0, le=3_660)]


class Standards(Noun, frozen=True, kw_only=True):
    """What a fund's board has set; its id is the fund's. Zero floors hold nobody back.

    Attributes:
        fund: whose.
        women_rights_percent: of what is allocated, at least so much for women's organisations.
        small_groups_percent: likewise for small groups.
        prevention_percent: likewise for prevention.
        local_percent: likewise for local organisations.
        pass_through_percent: of an intermediary's agreement, at least so much to local ones.
        reported_percent: of earlier tranches, so much accepted before the next is approved.
        overdue_report_days: a report may be late by so many days.
        account_hold_days: so many days nothing is paid into a bank account that changed.
        contest_days: a contest is answered within so many days.
    """

    fund: str
    women_rights_percent: int = 0
    small_groups_percent: int = 0
    prevention_percent: int = 0
    local_percent: int = 0
    pass_through_percent: int = 0
    reported_percent: int = 0
    overdue_report_days: int = 0
    account_hold_days: int = 0
    contest_days: int = 30


class SetStandards(Command, frozen=True, kw_only=True):
    """Set a fund's floors and limits; what is left out stays."""

    fund: Id
    women_rights_percent: Percent | None = None
    small_groups_percent: Percent | None = None
    prevention_percent: Percent | None = None
    local_percent: Percent | None = None
    pass_through_percent: Percent | None = None
    reported_percent: Percent | None = None
    overdue_report_days: Days | None = None
    account_hold_days: Days | None = None
    contest_days: Annotated[int, Meta(ge=1, le=366)] | None = None


NAMES = tuple(name for name in SetStandards.__struct_fields__ if name != "fund")
"""The floors and limits that there are."""


def none_of(fund: Fund) -> Standards:
    """Return the standards of a fund that has set none."""
    return Standards(id=fund.id, status="set", fund=fund.id)


def set_standards(act: Act, command: SetStandards, standing: Standards) -> Draft:
    """Record what a fund's board has set.

    Raises:
        Invalid: `field-missing` when nothing is told.
    """
    told = {name: value for name in NAMES if (value := getattr(command, name)) is not None}
    if not told:
        raise Invalid("field-missing", f"Tell at least one of {', '.join(NAMES)}.")
    changed = structs.replace(standing, **told)
    return Draft(effective_on=act.on, sets=(changed,), funds=(standing.fund,))
