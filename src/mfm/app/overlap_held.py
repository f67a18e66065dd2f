"""What the mechanism holds, as the detectors of overlap read it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TypeVar

from msgspec import structs

from mfm.app.context import utc_now
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.co_funding import Declarations
from mfm.core.commitments import Commitment
from mfm.core.contacts import DOMAINS
from mfm.core.costs import Cost
from mfm.core.funds import Fund
from mfm.core.money import convert
from mfm.core.org_likeness import OrgView
from mfm.core.overlap_asks import AskedFor
from mfm.core.overlap_calls import Window
from mfm.core.overlap_chains import Agreement, Asked, Inflow
from mfm.core.overlap_costs import CostLine
from mfm.core.overlap_exposure import AnnualBudget, Award
from mfm.core.overlap_marks import MARKED, MarkedNoun
from mfm.core.overlap_parties import Registered
from mfm.core.overlap_projects import Given, Project
from mfm.core.parties import Party
from mfm.core.project_matching import ProjectMatcher, ProjectView, titled
from mfm.core.rates import Rate
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.core.traits import Trait
from mfm.store import marks, reads
from mfm.store import overlaps as store
from mfm.store.database import Snapshot
from mfm.store.marks import Marks
from mfm.store.reads import Page, Reach

PAGE_ROWS = 1_000
GONE = frozenset({"reversed", "cancelled", "withdrawn"})
ASKING = frozenset({"submitted", "approved", "awarded"})
"""Where an application stands that asks for money, or gets it."""
N = TypeVar("N", bound=Noun)


class Held:
    """Nouns that stand, by id."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.parties: dict[str, Party] = {}
        self.funds: dict[str, Fund] = {}
        self.calls: dict[str, Call] = {}
        self.applications: list[Application] = []
        self.commitments: list[Commitment] = []
        self.attestations: list[Attestation] = []
        self.reports: list[Report] = []
        self.costs: list[Cost] = []
        self.marks: dict[str, Marks] = {}
        self.days: dict[type[Noun], dict[str, date]] = {}
        self.words: dict[str, str] = {}
        self.rates: dict[tuple[str, str], Rate] = {}

    # Organisations -------------------------------------------------------------------------------

    def registered(self) -> Iterator[Registered]:
        """Yield the register, each with what is attested of it."""
        traits: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        hosting = {party for pair in self.hosted() for party in pair}
        for each in self.traits():
            # An account that is a host's by agreement does not make two of one name one.
            if each.kind != "bank-account" or each.party not in hosting:
                traits[each.party].append((each.kind, each.value))
        said = {(each.party, each.kind): each.value for each in self.attestations if each.value}
        for party in self.parties.values():
            domains = (said.get((party.id, kind)) for kind in DOMAINS)
            view = structs.replace(
                org_view(party),
                city=said.get((party.id, "city")),
                domain=next(filter(None, domains), None),
                traits=tuple(traits[party.id]),
            )
            yield Registered(party.id, view)

    def traits(self) -> Iterator[Trait]:
        """Yield what two organisations seldom share: accounts, and how they are reached."""
        marks = self.marks.get("attestation", {})
        for each in self.attestations:
            if each.kind == "bank-account":
                yield Trait(each.party, each.kind, each.value)
            for kind, mark in marks.get(each.id, ()):
                yield Trait(each.party, kind, mark)

    def hosted(self) -> set[frozenset[str]]:
        """Return the pairs of a fiscal host and whom it hosts."""
        return {
            frozenset((each.party, each.value)) for each in self.attestations if each.kind == "host"
        }

    def budgets(self) -> dict[str, AnnualBudget]:
        """Return what each organisation spends in a year, as attested."""
        return {
            each.party: AnnualBudget(each.id, each.party, each.currency, each.amount_minor)
            for each in self.attestations
            if each.kind == "annual-budget"
        }

    # Calls and applications ----------------------------------------------------------------------

    def windows(self) -> Iterator[Window]:
        """Yield the calls, drafts among them."""
        for call in self.calls.values():
            yield self.window(call)

    def window(self, call: Call) -> Window:
        """Return a call as it is compared."""
        fund = self.funds.get(call.fund)
        return Window(
            id=call.id,
            fund=call.fund,
            tier=fund.tier if fund else "",
            opens_on=call.opens_on,
            closes_on=call.closes_on,
            places=call.places,
            themes=call.themes,
            types=call.types,
            levels=call.levels,
        )

    def asks(self) -> Iterator[AskedFor]:
        """Yield the applications, as their number and amounts are compared."""
        for each in self.applications:
            call = self.calls.get(each.call)
            yield AskedFor(
                id=each.id,
                lead=each.lead,
                call=each.call,
                fund=each.fund,
                amount_minor=each.amount_minor,
                ceiling_minor=call.ceiling_minor if call else 0,
                most=call.applications_maximum if call else 0,
                starts_on=each.starts_on,
                ends_on=each.ends_on,
                themes=each.themes,
            )

    def asked(self) -> Iterator[Asked]:
        """Yield who turns to which fund, and when."""
        for each in self.applications:
            if call := self.calls.get(each.call):
                yield Asked(
                    each.lead,
                    call.fund,
                    call.opens_on,
                    call.closes_on,
                    starts_on=each.starts_on,
                    ends_on=each.ends_on,
                    places=each.places or call.places,
                    themes=each.themes or call.themes,
                )

    def project(self, application: Application) -> ProjectView:
        """Return an application as its project is compared."""
        lead = self.parties.get(application.lead)
        return ProjectView(
            org=lead.name if lead else application.lead,
            title=application.title,
            start=application.starts_on,
            end=application.ends_on,
            budget=application.amount_minor,
            cluster=", ".join(application.themes) or None,
            country=(lead.country if lead else "") or None,
            currency=application.currency,
        )

    def projects(
        self, applications: Iterable[Application], matcher: ProjectMatcher
    ) -> dict[str, Project]:
        """Return applications by id, each read once and with what its call gives."""
        given = {
            call.id: Given(
                {unit.key for unit in titled(call.title, matcher.orgs.lexicon)},
                self.words.get(call.id, ""),
            )
            for call in self.calls.values()
        }
        return {
            each.id: Project(each, matcher.read(self.project(each)), given.get(each.call, Given()))
            for each in applications
        }

    # Money ---------------------------------------------------------------------------------------

    def agreements(self) -> Iterator[Agreement]:
        """Yield who gives to whom: a fund's steward, and a lead that names partners.

        What was terminated counts as long as it was to last, and not at all where that is unknown.
        """
        granted = {each.commitment: each for each in self.applications if each.commitment}
        for commitment in self.commitments:
            giver = self.funds.get(commitment.from_fund)
            receiver = self.funds.get(commitment.to_fund)
            there = receiver.steward if receiver else commitment.to_party
            gone = commitment.halted == "terminated" and not commitment.ends_on
            if giver and giver.steward and there and giver.steward != there and not gone:
                asked = granted.get(commitment.id)
                yield Agreement(
                    giver.steward,
                    there,
                    commitment.starts_on,
                    commitment.ends_on,
                    commitment.earmark.place or (asked.places if asked else ()),
                    commitment.earmark.theme or (asked.themes if asked else ()),
                )
        for each in self.applications:
            terms = each.starts_on, each.ends_on, each.places, each.themes
            for partner in each.partners:
                yield Agreement(each.lead, partner.party, *terms)

    def inflows(self) -> Iterator[Inflow]:
        """Yield contributions that have a day: an agreement's first, else its instalment's."""
        for each in self.commitments:
            due = (part.due_on for part in each.tranches if part.due_on)
            on = each.starts_on or min(due, default=None)
            if each.kind == "contribution" and on and each.to_fund in self.funds:
                yield Inflow(
                    each.id, each.from_party, each.to_fund, each.currency, each.amount_minor, on
                )

    def awards(self) -> Iterator[Award]:
        """Yield the grants that are not terminated."""
        for each in self.commitments:
            if each.kind == "grant" and each.halted != "terminated":
                days = each.starts_on, each.ends_on
                amount = each.currency, each.amount_minor
                yield Award(each.id, each.to_party, each.from_fund, *amount, *days)

    def reported(self) -> Iterator[CostLine]:
        """Yield what grantees report, grant by grant."""
        days = self.days.get(Report, {})
        for each in self.reports:
            on = each.submitted_on or days[each.id]
            sides = each.party, each.commitment
            proofs = self._proofs("report", each.id)
            yield CostLine(each.id, *sides, each.currency, each.told_minor, on, proofs)

    def charged(self) -> Iterator[CostLine]:
        """Yield the funds' own costs, by who keeps the fund; banks charge everybody the same."""
        days = self.days.get(Cost, {})
        for each in self.costs:
            fund = self.funds.get(each.fund)
            if fund and each.kind == "direct":
                sides, proofs = (fund.steward, fund.id), self._proofs("cost", each.id)
                amount, on = (each.currency, each.amount_minor), days[each.id]
                yield CostLine(each.id, *sides, *amount, on, proofs)

    def _proofs(self, noun: MarkedNoun, name: str) -> frozenset[tuple[str, str]]:
        return frozenset(self.marks.get(noun, {}).get(name, ()))

    def shared_grants(self) -> set[frozenset[str]]:
        """Return the pairs of grants whose applications declare that they share one cost."""
        declared = self.declared()
        return {
            frozenset((one.commitment, other.commitment))
            for one, other in declared.pairs()
            if one.commitment and other.commitment and one.lead == other.lead
            if declared.standing(one, other) == "sound"
        }

    def declared(self) -> Declarations:
        """Return what applications declare of who else pays for the same."""
        return Declarations(self.applications, self.exchange)

    def exchange(self, amount_minor: int, source: str, target: str) -> int | None:
        """Return an amount in another currency by the latest rate, None where there is none."""
        if source == target:
            return amount_minor
        if rate := self.rates.get((source, target)):
            return convert(amount_minor, source, target, rate.rate)
        if rate := self.rates.get((target, source)):
            return convert(amount_minor, source, target, f"1/{rate.rate}")
        return None


def org_view(party: Party) -> OrgView:
    """Return a party as it is compared."""
    numbers = (party.identifier,) if party.identifier else ()
    return OrgView(party.name, party.country or None, registrations=numbers)


async def held(connection: Snapshot) -> Held:
    """Read all that the mechanism holds."""
    found, on = Held(), utc_now().date()
    found.parties = {each.id: each for each in await all_of(connection, Party)}
    found.funds = {each.id: each for each in await all_of(connection, Fund) if not each.reported}
    found.calls = {each.id: each for each in await all_of(connection, Call)}
    found.words = await store.words_of(connection, found.calls.values())
    found.applications = [
        each for each in await all_of(connection, Application) if each.status in ASKING
    ]
    found.commitments = await all_of(connection, Commitment)
    found.attestations = [
        each for each in await all_of(connection, Attestation) if counts(each, on)
    ]
    found.reports = await all_of(connection, Report)
    found.costs = await all_of(connection, Cost)
    found.days = {noun: await store.days_of(connection, noun) for noun in (Report, Cost)}
    found.marks = {noun: await marks.shared(connection, noun) for noun in MARKED}
    found.rates = latest(await all_of(connection, Rate))
    resolve(found)
    return found


def counts(attestation: Attestation, on: date) -> bool:
    """Tell whether what is attested stands, and is valid still on a day."""
    until = attestation.valid_until
    return attestation.status == "in-force" and (until is None or until >= on)


def resolve(found: Held) -> None:
    """Let every alias of a merged party stand for whom it is."""
    survivors = {each.id: each.merged_into for each in found.parties.values() if each.merged_into}
    if not survivors:
        return
    found.parties = {name: each for name, each in found.parties.items() if name not in survivors}
    found.funds = {name: _resolved(each, survivors) for name, each in found.funds.items()}
    found.applications = [_resolved(each, survivors) for each in found.applications]
    found.commitments = [_resolved(each, survivors) for each in found.commitments]
    found.attestations = [_resolved(each, survivors) for each in found.attestations]
    found.reports = [_resolved(each, survivors) for each in found.reports]


def _resolved(noun: N, survivors: Mapping[str, str]) -> N:
    names = {
        name: survivors[told]
        for name in ("lead", "party", "from_party", "to_party", "steward")
        if (told := getattr(noun, name, "")) in survivors
    }
    partners = tuple(
        structs.replace(each, party=survivors.get(each.party, each.party))
        for each in getattr(noun, "partners", ())
    )
    return structs.replace(noun, **names, **({"partners": partners} if partners else {}))


def latest(rates: Iterable[Rate]) -> dict[tuple[str, str], Rate]:
    """Return the newest rate of each pair of currencies; of one day, that of the last source."""
    ordered = sorted(rates, key=lambda rate: (rate.rated_on, rate.source))
    return {(each.base, each.quote): each for each in ordered}


async def all_of(connection: Snapshot, noun: type[N]) -> list[N]:
    """Return all of a kind that stand, in the order in which they last changed."""
    found: list[N] = []
    after = (0, "")
    while page := await reads.page_of(connection, noun, Page(PAGE_ROWS, after), Reach()):
        found += [each for each in page if isinstance(each, noun) and each.status not in GONE]
        after = page[-1].seq, page[-1].id
    return found
