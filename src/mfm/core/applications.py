"""Applications: what an organisation asks a fund for under a call, alone or with partners.

A partner consents for itself, with a key of its own, to the budget that it has seen; a lead cannot
submit without that. How an application is submitted and decided on is in `submissions`.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from mfm.core import markers
from mfm.core.calls import SECTIONS, Call, must_take_drafts
from mfm.core.countries import check_places
from mfm.core.earmarks import Codes, Phase, Track
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.markers import Marker, MarkerTerm
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Name, Text

Category = Literal[
    "staff",
    "supplies",
    "equipment",
    "contractual",
    "travel",
    "grants",
    "operating",
    "indirect",
]
"""The harmonised budget categories of the United Nations Sustainable Development Group."""
Aid = Literal["project", "core"]
"""IATI aid types C01 and B01."""
Consent = Literal["given", "declined"]
_MAX_PARTNERS, _MAX_LINES = 8, 24


class Partner(Struct, frozen=True):
    """Another organisation that an application is made with.

    Attributes:
        party: who.
        consent: given, declined, or "" while it has not spoken.
        key: with which key it spoke, or "".
    """

    party: str
    consent: str = ""
    key: str = ""


class BudgetLine(Struct, frozen=True):
    """A part of a budget.

    Attributes:
        party: who holds it: the lead or a partner.
        category: one of the harmonised categories.
        amount_minor: of the ask.
        gewe_percent: how much of it is for gender equality and women's empowerment.
    """

    party: str
    category: str
    amount_minor: int
    gewe_percent: int = 0


class Application(Noun, frozen=True, kw_only=True):
    """An application: draft, submitted, then approved or declined, and awarded; or withdrawn.

    Attributes:
        call: under which call.
        fund: whose call.
        lead: who applies and would get the grant.
        partners: with whom, and whether they consent.
        title: public.
        aid: project or core support.
        currency: the fund's.
        amount_minor: what is asked for.
        total_minor: what the whole costs, with the money of others; 0 where that is the ask.
        budget: the ask by who holds it and what it is for.
        co_financing: other applications or agreements that pay for the same, as declared.
        places: ISO 3166 codes of where it is done.
        themes: themes or sectors.
        lines: lines of the National Action Plan.
        pillars: such as prevention.
        phase: of the plan: its development or implementation, or "".
        track: dedicated or mainstreaming, or "".
        starts_on: its first day, or None.
        ends_on: its last day, or None.
        markers: how it is classified, the latest of each scheme; first by the applicant itself.
        sections: which parts are told in words.
        written_in: the record beside which these words stand.
        submitted_by: the key that submitted it, or "".
        submitted_on: the day, or None.
        decided_by: the key that decided on it, or "".
        decided_on: the day, or None.
        decided_in: the record beside which the reason stands, 0 while there is none.
        commitment: the grant that it became, or "".
    """

    call: str
    fund: str
    lead: str
    partners: tuple[Partner, ...] = ()
    title: str
    aid: str = "project"
    currency: str
    amount_minor: int
    total_minor: int = 0
    budget: tuple[BudgetLine, ...] = ()
    co_financing: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    pillars: tuple[str, ...] = ()
    phase: str = ""
    track: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    markers: tuple[Marker, ...] = ()
    sections: tuple[str, ...] = ()
    written_in: int = 0
    submitted_by: str = ""
    submitted_on: date | None = None
    decided_by: str = ""
    decided_on: date | None = None
    decided_in: int = 0
    commitment: str = ""

    @property
    def parties(self) -> tuple[str, ...]:
        """The lead and the partners."""
        return (self.lead, *(partner.party for partner in self.partners))


class BudgetTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a budget as it is told; without `party` the lead holds it."""

    category: Category
    amount: Money
    party: Id | None = None
    gewe_percent: Annotated[int, Meta(ge=0, le=100)] = 0


class ApplicationTerms(Command, frozen=True, kw_only=True):
    """What an application says; its words stand beside the record."""

    title: Name
    amount: Money
    aid: Aid = "project"
    total: Money | None = None
    partners: Annotated[tuple[Id, ...], Meta(max_length=_MAX_PARTNERS)] = ()
    budget: Annotated[tuple[BudgetTerm, ...], Meta(max_length=_MAX_LINES)] = ()
    co_financing: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()
    places: Codes = ()
    themes: Codes = ()
    lines: Codes = ()
    pillars: Codes = ()
    phase: Phase | None = None
    track: Track | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    marker: MarkerTerm | None = None
    summary: Text = ""
    context_analysis: Text = ""
    gender_equality_analysis: Text = ""
    nap_contribution: Text = ""
    results: Text = ""
    budget_narrative: Text = ""
    risks: Text = ""
    sustainability: Text = ""
    protection: Text = ""
    marker_justification: Text = ""


class DraftApplication(ApplicationTerms, frozen=True, kw_only=True):
    """Draft an application to a call."""

    id: Id | None = None
    call: Id
    lead: Id


class ReviseApplication(ApplicationTerms, frozen=True, kw_only=True):
    """Revise an application that is not submitted: all of it is told anew."""

    application: Id


class ConsentApplication(Command, frozen=True, kw_only=True):
    """Consent, as a partner, to take part in an application; or decline."""

    application: Id
    partner: Id
    consent: Consent = "given"


def draft(
    act: Act, command: DraftApplication, made: tuple[str, int], call: Call, fund: Fund
) -> Draft:
    """Record an application's draft.

    Args:
        act: who, and the day.
        command: what is asked.
        made: its id, and the record that this will be.
        call: under which call.
        fund: whose call.

    Raises:
        Invalid: `partner-repeated`, `budget-party`, `dates-backwards`, `score-unknown`,
            `total-below-ask`, and as `Fund.amount`.
        Refused: `call-state`, `call-closed`.
    """
    must_take_drafts(call, act.on)
    application = Application(
        id=made[0],
        status="draft",
        call=call.id,
        fund=fund.id,
        lead=command.lead,
        title=command.title,
        currency=fund.currency,
        amount_minor=0,
    )
    return step(act, _written(act, command, application, fund, made[1]))


def revise(
    act: Act, command: ReviseApplication, application: Application, fund: Fund, seq: int
) -> Draft:
    """Record an application's draft as it is now to be.

    A partner's consent stays where the budget is what it consented to.

    Raises:
        Invalid: as `draft`.
        Refused: `application-state`.
    """
    must_be(application, "draft")
    return step(act, _written(act, command, application, fund, seq))


def _written(
    act: Act, command: ApplicationTerms, before: Application, fund: Fund, seq: int
) -> Application:
    _check_terms(command, before.lead)
    amount_minor = fund.amount(command.amount, "/amount")
    total_minor = fund.amount(command.total, "/total") if command.total else 0
    if 0 < total_minor < amount_minor:
        detail = "The whole cost, with the money of others, is no less than what is asked for."
        raise Invalid("total-below-ask", detail, "/total")
    budget = tuple(
        BudgetLine(
            line.party or before.lead,
            line.category,
            fund.amount(line.amount, f"/budget/{at}/amount"),
            line.gewe_percent,
        )
        for at, line in enumerate(command.budget)
    )
    told = {each.party: each for each in before.partners}
    same = (before.budget, before.amount_minor) == (budget, amount_minor)
    marked = command.marker
    if marked:
        markers.check(marked.scheme, marked.score)
    actor = act.actor
    return structs.replace(
        before,
        partners=tuple(
            told[name] if same and name in told else Partner(name) for name in command.partners
        ),
        title=command.title,
        aid=command.aid,
        amount_minor=amount_minor,
        total_minor=total_minor,
        budget=budget,
        co_financing=command.co_financing,
        places=check_places(command.places, "/places"),
        themes=command.themes,
        lines=command.lines,
        pillars=command.pillars,
        phase=command.phase or "",
        track=command.track or "",
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        markers=(
            (Marker(marked.scheme, marked.version, marked.score, actor.party, actor.key),)
            if marked
            else ()
        ),
        sections=tuple(name for name in SECTIONS if getattr(command, name)),
        written_in=seq,
    )


def _check_terms(command: ApplicationTerms, lead: str) -> None:
    parties = [lead, *command.partners]
    if len(set(parties)) != len(parties):
        detail = "Name each partner once, and the lead not among them."
        raise Invalid("partner-repeated", detail, "/partners")
    for at, line in enumerate(command.budget):
        if line.party is not None and line.party not in parties:
            detail = f"{line.party} is neither the lead nor a partner."
            raise Invalid("budget-party", detail, f"/budget/{at}/party")
    if command.starts_on and command.ends_on and command.ends_on < command.starts_on:
        detail = f"{command.ends_on} is before {command.starts_on}."
        raise Invalid("dates-backwards", detail, "/ends_on")


def consent(act: Act, command: ConsentApplication, application: Application) -> Draft:
    """Record what a partner says to an application's draft.

    Raises:
        Invalid: `partner-unknown`.
        Refused: `application-state`.
    """
    must_be(application, "draft")
    if command.partner not in application.parties[1:]:
        detail = f"{command.partner} is no partner in application {application.id}."
        raise Invalid("partner-unknown", detail, "/partner")
    said = Partner(command.partner, command.consent, act.actor.key)
    partners = (said if each.party == said.party else each for each in application.partners)
    return step(act, structs.replace(application, partners=tuple(partners)))


def step(act: Act, application: Application) -> Draft:
    """Return the draft of a step in an application's life."""
    return Draft(effective_on=act.on, sets=(application,), funds=(application.fund,))


def must_be(application: Application, *states: str) -> None:
    """Hold that an application is at one of these steps.

    Raises:
        Refused: `application-state`.
    """
    if application.status not in states:
        wanted = " or ".join(states)
        detail = f"Application {application.id} is {application.status}; it must be {wanted}."
        raise Refused("application-state", detail, "/application")
