"""Calls: what a fund invites applications for, from its draft to its end.

A draft may be opened for comments, so that those who would apply can speak before its criteria
stand (a call's text and terms do not change once it is published).
"""

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, structs

from mfm.core.countries import check_places
from mfm.core.earmarks import Codes
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Name, Text, Why

Level = Literal["grassroots", "local", "national", "regional", "international"]
"""How far an organisation works: what localisation counts by."""
Floor = Literal["principal", "significant", "limited"]
"""The least that a gender marker must mean, in any scheme; see `markers.MEANINGS`."""
OrganisationType = Literal[
    "women-rights",
    "women-led",
    "young-women-led",
    "civil-society",
    "local-government",
    "national-government",
    "network",
    "intermediary",
    "academia",
]
"""What an organisation is: one may be several of these."""
Section = Literal[
    "summary",
    "context_analysis",
    "gender_equality_analysis",
    "nap_contribution",
    "results",
    "budget_narrative",
    "risks",
    "sustainability",
    "protection",
    "marker_justification",
]
SECTIONS: tuple[str, ...] = get_args(Section)
"""The parts of an application that are told in words; a call says which it must have."""
_Percent = Annotated[int, Meta(ge=0, le=100)]


class Call(Noun, frozen=True, kw_only=True):
    """A call for applications: draft, consultation, published, closed; or cancelled.

    Attributes:
        fund: whose call.
        funding_window: the funding window that it belongs to, or "".
        title: public.
        currency: the fund's.
        places: ISO 3166 codes of where it is for; none means anywhere.
        themes: themes or sectors that it is for, such as the DAC's 15170; none means any.
        types: what who applies is, one of these; none means any.
        levels: levels of who may apply; none means any.
        small_grants: whether it is the lane of small grants: a simple form, fewer reports.
        opens_on: the first day on which an application is submitted.
        closes_on: the last one.
        minimum_minor: the least that is asked for, 0 for none.
        ceiling_minor: the most, 0 for none.
        budget_minor: what is to be given in all, 0 where nobody said.
        applications_maximum: how many applications one lead may have in it, 0 for any number.
        ask_to_budget_percent: the most that may be asked for, of an applicant's own last annual
            budget; 0 for any.
        gewe_percent: the least part of a budget for gender equality and women's empowerment.
        marker_floor: the least that an application's gender marker must mean, or "".
        sections: which parts an application must have.
        comments_from: the first day of the comments on its draft, or None.
        comments_until: the last one, or None.
        written_in: the record beside which its text stands.
        drafted_by: the key that wrote it last.
        published_by: the key that published it, or "".
    """

    fund: str
    funding_window: str = ""
    title: str
    currency: str
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    small_grants: bool = False
    opens_on: date
    closes_on: date
    minimum_minor: int = 0
    ceiling_minor: int = 0
    budget_minor: int = 0
    applications_maximum: int = 0
    ask_to_budget_percent: int = 0
    gewe_percent: int = 0
    marker_floor: str = ""
    sections: tuple[str, ...] = ()
    comments_from: date | None = None
    comments_until: date | None = None
    written_in: int = 0
    drafted_by: str
    published_by: str = ""


class CallTerms(Command, frozen=True, kw_only=True):
    """What a call says."""

    funding_window: Id | None = None
    title: Name
    places: Codes = ()
    themes: Codes = ()
    types: Annotated[tuple[OrganisationType, ...], Meta(max_length=9)] = ()
    levels: Annotated[tuple[Level, ...], Meta(max_length=5)] = ()
    small_grants: bool = False
    opens_on: date
    closes_on: date
    minimum: Money | None = None
    ceiling: Money | None = None
    budget: Money | None = None
    applications_maximum: Annotated[int, Meta(ge=0, le=100)] = 0
    ask_to_budget_percent: Annotated[int, Meta(ge=0, le=10_000)] = 0
    gewe_percent: _Percent = 0
    marker_floor: Floor | None = None
    sections: Annotated[tuple[Section, ...], Meta(max_length=len(SECTIONS))] = ()
    text: Text = ""


class DraftCall(CallTerms, frozen=True, kw_only=True):
    """Draft a call for applications."""

    id: Id | None = None
    fund: Id


class ReviseCall(CallTerms, frozen=True, kw_only=True):
    """Revise a call that is not published: all of it is told anew."""

    call: Id


class ConsultCall(Command, frozen=True, kw_only=True):
    """Open a call's draft for comments, from today until a day."""

    call: Id
    until: date


class PublishCall(Command, frozen=True, kw_only=True):
    """Publish a call, once the comments on its draft are closed."""

    call: Id


class CloseCall(Command, frozen=True, kw_only=True):
    """Close a call: nothing is submitted to it any more."""

    call: Id


class CancelCall(Command, frozen=True, kw_only=True):
    """Cancel a call, for a reason."""

    call: Id
    reason: Why


def draft(act: Act, command: DraftCall, call_id: str, fund: Fund, seq: int) -> Draft:
    """Record a call's draft.

    Args:
        act: who, and the day.
        command: what is asked.
        call_id: its id.
        fund: whose call.
        seq: the record that this will be.

    Raises:
        Invalid: `call-dates`, `call-amounts`, and as `Fund.amount`.
    """
    call = Call(
        id=call_id,
        status="draft",
        fund=fund.id,
        title=command.title,
        currency=fund.currency,
        opens_on=command.opens_on,
        closes_on=command.closes_on,
        drafted_by=act.actor.key,
    )
    return _set(act, _written(act, command, call, fund, seq))


def revise(act: Act, command: ReviseCall, call: Call, fund: Fund, seq: int) -> Draft:
    """Record a call's terms as they are now to be; arguments as for `draft`.

    Raises:
        Invalid: as `draft`.
        Refused: `call-state` once it is published.
    """
    _must_be(call, "draft", "consultation")
    return _set(act, _written(act, command, call, fund, seq))


def _written(act: Act, command: CallTerms, call: Call, fund: Fund, seq: int) -> Call:
    minimum, ceiling, budget = (
        fund.amount(money, f"/{name}") if (money := getattr(command, name)) else 0
        for name in ("minimum", "ceiling", "budget")
    )
    if command.closes_on < command.opens_on:
        detail = f"{command.closes_on} is before {command.opens_on}."
        raise Invalid("call-dates", detail, "/closes_on")
    if (ceiling and minimum > ceiling) or (budget and max(minimum, ceiling) > budget):
        detail = "The minimum is within the ceiling, and the ceiling within the budget."
        raise Invalid("call-amounts", detail, "/ceiling")
    return structs.replace(
        call,
        funding_window=command.funding_window or "",
        title=command.title,
        places=check_places(command.places, "/places"),
        themes=command.themes,
        types=command.types,
        levels=command.levels,
        small_grants=command.small_grants,
        opens_on=command.opens_on,
        closes_on=command.closes_on,
        minimum_minor=minimum,
        ceiling_minor=ceiling,
        budget_minor=budget,
        applications_maximum=command.applications_maximum,
        ask_to_budget_percent=command.ask_to_budget_percent,
        gewe_percent=command.gewe_percent,
        marker_floor=command.marker_floor or "",
        sections=command.sections,
        written_in=seq,
        drafted_by=act.actor.key,
    )


def consult(act: Act, command: ConsultCall, call: Call) -> Draft:
    """Record that a call's draft is open for comments; once more, for longer.

    Raises:
        Invalid: `call-dates`.
        Refused: `call-state`.
    """
    _must_be(call, "draft", "consultation")
    if command.until < act.on:
        raise Invalid("call-dates", f"{command.until} is past.", "/until")
    opened = structs.replace(
        call,
        status="consultation",
        comments_from=call.comments_from or act.on,
        comments_until=command.until,
    )
    return _set(act, opened)


def publish(act: Act, call: Call) -> Draft:
    """Record that a call is published; its terms stand from now on.

    Raises:
        Refused: `call-state`, `four-eyes` for who wrote it, `call-consulting` while comments are
            open, `call-past` when its last day is over.
    """
    _must_be(call, "draft", "consultation")
    if act.actor.key == call.drafted_by:
        detail = "Who wrote a call does not publish it: use another key."
        raise Refused("four-eyes", detail, "/call")
    if call.comments_until is not None and act.on <= call.comments_until:
        detail = f"Comments on call {call.id} are open until {call.comments_until}."
        raise Refused("call-consulting", detail, "/call")
    if call.closes_on < act.on:
        raise Refused("call-past", f"Call {call.id} closes on {call.closes_on}.", "/call")
    return _set(act, structs.replace(call, status="published", published_by=act.actor.key))


def close(act: Act, call: Call) -> Draft:
    """Record that a call is closed.

    Raises:
        Refused: `call-state`.
    """
    _must_be(call, "published")
    return _set(act, structs.replace(call, status="closed"))


def cancel(act: Act, call: Call) -> Draft:
    """Record that a call is cancelled.

    Raises:
        Refused: `call-state`.
    """
    _must_be(call, "draft", "consultation", "published")
    return _set(act, structs.replace(call, status="cancelled"))


def _set(act: Act, call: Call) -> Draft:
    return Draft(effective_on=act.on, sets=(call,), funds=(call.fund,))


def _must_be(call: Call, *states: str) -> None:
    if call.status not in states:
        wanted = " or ".join(states)
        detail = f"Call {call.id} is {call.status}; it must be {wanted}."
        raise Refused("call-state", detail, "/call")


def must_be_of(call: Call, fund: Fund) -> None:
    """Hold that a call is a fund's own.

    Raises:
        Invalid: `call-other`.
    """
    if call.fund != fund.id:
        raise Invalid("call-other", f"Call {call.id} is of fund {call.fund}.", "/call")


def must_take_drafts(call: Call, on: date) -> None:
    """Hold that a call is published and not over.

    Raises:
        Refused: `call-state`, `call-closed`.
    """
    _must_be(call, "published")
    if on > call.closes_on:
        detail = f"Call {call.id} closed on {call.closes_on}."
        raise Refused("call-closed", detail, "/call")


def must_take_submissions(call: Call, on: date) -> None:
    """Hold that a day is one on which applications are submitted to a call.

    Raises:
        Refused: `call-state`, `call-closed`.
    """
    must_take_drafts(call, on)
    if on < call.opens_on:
        detail = f"Call {call.id} opens on {call.opens_on}."
        raise Refused("call-closed", detail, "/call")
