"""Circumstances: the facts that a gate's policies are asked about, from the nouns at hand.

Each fact has its source, and where somebody verified it the day. What nobody has said is left out,
never guessed; a floor or ceiling that nobody has set has the value that holds nobody back.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, get_args

from msgspec import Struct

from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.boards import Board
from mfm.core.calls import Call, OrganisationType
from mfm.core.funds import Fund
from mfm.core.markers import SCHEMES, Marker, crosswalk
from mfm.core.money import MAX_MINOR
from mfm.core.overlap_effects import CASES_TOLD, Confirmed
from mfm.core.parties import Party
from mfm.core.standards import Standards

_BASIS_POINTS = 100
"""A per cent has so many."""
_ANY = "any"
_LOCAL = ("grassroots", "local", "national")
_SCORES = {"none": 0, "limited": 1, "significant": 2, "principal": 3}
_FLOORS = {"": 0, "limited": 1, "significant": 2, "principal": 3}
_ANY_NUMBER = 1_000
_ANY_SHARE = 1_000_000
# IATI organisation types that say what an organisation is.
_TYPES = {
    "10": "national-government",
    "11": "local-government",
    "21": "civil-society",
    "22": "civil-society",
    "23": "civil-society",
    "24": "civil-society",
    "80": "academia",
}
_UNTOLD = ("marker_justification",)
_SECTIONS = {
    "context_analysis": "context-analysis",
    "gender_equality_analysis": "gender-equality-analysis",
    "nap_contribution": "nap-contribution",
    "budget_narrative": "budget",
}


class Around(Struct, frozen=True):
    """What stands around a decision on parties' money.

    Attributes:
        attested: what is in force about the parties, and about their fiscal hosts.
        overdue_on: the earliest day on which a report of the first party was due and is not in,
            over all funds of the mechanism; None where none is.
        leads: how many applications of the first party stand in the call.
        standards: what the fund's board has set, or None.
        board: the fund's board, or None.
    """

    attested: tuple[Attestation, ...] = ()
    overdue_on: date | None = None
    leads: int = 0
    standards: Standards | None = None
    board: Board | None = None

    def of(self, party: str, kind: str) -> tuple[Attestation, ...]:
        """Return what is attested of a party, of one kind."""
        return tuple(each for each in self.attested if (each.party, each.kind) == (party, kind))


class Portfolio(Struct, frozen=True):
    """What a fund has allocated and still holds so, in minor units.

    Attributes:
        amount_minor: in all.
        women_rights_minor: for calls to women's organisations alone, or earmarked to them.
        small_groups_minor: for calls in the lane of small grants.
        prevention_minor: earmarked to prevention.
        local_minor: for calls to grassroots, local and national organisations alone.
        standards: what the fund's board has set, or None.
    """

    amount_minor: int = 0
    women_rights_minor: int = 0
    small_groups_minor: int = 0
    prevention_minor: int = 0
    local_minor: int = 0
    standards: Standards | None = None


class Circumstances:
    """Facts on their way to a decision.

    Attributes:
        values: name -> value, as the catalogue of facts has them.
        sources: name -> where it is from, and the day on which it was verified, "" for none.
        party: whom the decision concerns, "" while it is nobody beyond the fund.
    """

    def __init__(self, fund: Fund, standards: Standards | None = None) -> None:
        """Begin with what a fund's board has set; no floor where it has set none."""
        self.values: dict[str, Any] = {}
        self.sources: dict[str, dict[str, str]] = {}
        self.fund = fund
        self.party = ""
        self.put(f"fund {fund.id}", {"fund.currency": fund.currency})
        told = standards or Standards(id=fund.id, status="set", fund=fund.id)
        self.put(
            f"standards {fund.id}",
            {
                "fund.women_rights_floor": told.women_rights_percent * _BASIS_POINTS,
                "fund.small_groups_floor": told.small_groups_percent * _BASIS_POINTS,
                "fund.prevention_floor": told.prevention_percent * _BASIS_POINTS,
                "fund.local_floor": told.local_percent * _BASIS_POINTS,
                "fund.pass_through_floor": told.pass_through_percent * _BASIS_POINTS,
                "fund.reported_share_floor": told.reported_percent * _BASIS_POINTS,
                "fund.overdue_report_days": told.overdue_report_days,
                "fund.account_hold_days": told.account_hold_days,
            },
        )

    def put(self, source: str, told: dict[str, Any], verified_on: date | None = None) -> None:
        """Add facts of one source; those that are None are not known."""
        day = {"verified_on": verified_on.isoformat()} if verified_on else {}
        for name, value in told.items():
            if value is not None:
                self.values[name] = value
                self.sources[name] = {"source": source, **day}

    def _attested(self, each: Attestation, told: dict[str, Any]) -> None:
        self.put(f"{each.source} ({each.id})", told, each.verified_on)

    # Whom it is about ----------------------------------------------------------------------------

    def organisation(self, party: Party, around: Around, on: date) -> None:
        """Add what is known of the organisation that it concerns, on a day."""
        self.party = party.id
        types = {_TYPES[party.kind]} if party.kind in _TYPES else set()
        last = None
        for each in around.of(party.id, "type"):
            types.add(each.value)
            last = each.verified_on
        self.put(f"party {party.id}", {"organisation.types": sorted(types) or None}, last)
        late = (on - around.overdue_on).days if around.overdue_on else 0
        findings = sum(each.value == "critical" for each in around.of(party.id, "audit-finding"))
        self.put(
            "the journal",
            {
                "organisation.oldest_overdue_report_days": max(0, late),
                "organisation.open_critical_findings": findings,
                "organisation.lead_applications": around.leads,
            },
        )
        for each in around.attested:
            if each.party == party.id:
                self._attested(each, self._told(each))
        self._host(party, around)

    def _told(self, each: Attestation) -> dict[str, Any]:
        until, on = each.valid_until, each.verified_on
        own_money = each.currency == self.fund.currency
        facts: dict[str, dict[str, Any]] = {
            "registration": {"registration_verified_on": on},
            "host": {"host_agreement_until": until},
            "level": {"level": each.value, "level_verified_on": on},
            "ingo-affiliate": {"ingo_affiliate": each.value == "yes"},
            "mission": {"mission_verified_on": on},
            "peer-attestation": {"peer_attested_on": on},
            "annual-budget": {"annual_budget": each.amount_minor if own_money else None},
            "due-diligence": {
                "due_diligence_status": each.value,
                "due_diligence_valid_until": until,
            },
            "sanctions-screening": {
                "screened_on": on,
                "screening_valid_until": until,
                "screening_open_hits": int(each.value == "hit"),
            },
            "overdue-exception": {"overdue_exception_until": until},
        }
        if each.kind == "women-in-leadership":
            facts[each.kind] = {"women_in_leadership": int(each.value) * _BASIS_POINTS}
        return {f"organisation.{name}": value for name, value in facts.get(each.kind, {}).items()}

    def _host(self, party: Party, around: Around) -> None:
        """Add whether a fiscal host may carry a grant: it is registered itself."""
        for hosting in around.of(party.id, "host"):
            registered = bool(around.of(hosting.value, "registration"))
            self._attested(hosting, {"organisation.host_eligible": registered})

    def account(self, party: Party, around: Around, on: date) -> None:
        """Add what is known of the bank account of an organisation, or else of its host."""
        holders = [party.id, *(each.value for each in around.of(party.id, "host"))]
        found = [each for name in holders for each in around.of(name, "bank-account")]
        if found:
            changed_on = found[0].changed_on or on
            self._attested(
                found[0],
                {
                    "account.of_receiver": True,
                    "account.verified_on": found[0].verified_on,
                    "account.days_since_change": max(0, (on - changed_on).days),
                },
            )

    def overlaps(self, cases: Iterable[Confirmed]) -> None:
        """Add the confirmed cases of overlap that concern what is to be signed."""
        told = sorted(cases, key=lambda case: case.id)[:CASES_TOLD]
        named = ", ".join(f"{each.id} (record {each.seq})" for each in told)
        self.put(
            f"overlap {named}" if named else "no confirmed case of overlap",
            {
                "overlap.confirmed": sorted({each.detector for each in told}),
                "overlap.cases": [each.id for each in told],
            },
        )

    # What it is asked for ------------------------------------------------------------------------

    def window(self, call: Call | None) -> None:
        """Add what a call asks for; without one, nothing that holds anybody back."""
        source = f"call {call.id}" if call else "no call"
        self.put(
            source,
            {
                "window.organisation_types": call.types
                if call and call.types
                else get_args(OrganisationType),
                "window.local_only": bool(call and call.levels and {*call.levels} <= {*_LOCAL}),
                "window.small_grant_lane": bool(call and call.small_grants),
                "window.ask_minimum": call.minimum_minor if call else 0,
                "window.ask_maximum": (call.ceiling_minor if call else 0) or MAX_MINOR,
                "window.ask_to_budget_ceiling": (
                    call.ask_to_budget_percent * _BASIS_POINTS if call else 0
                )
                or _ANY_SHARE,
                "window.lead_applications_maximum": (call.applications_maximum if call else 0)
                or _ANY_NUMBER,
                "window.gender_marker_floor": _FLOORS[call.marker_floor if call else ""],
                "window.gewe_share_floor": call.gewe_percent * _BASIS_POINTS if call else 0,
                "organisation.grassroots_lane": bool(call and call.small_grants),
            },
        )

    def application(self, made: Application, call: Call) -> None:
        """Add what an application asks for and says; a place meets one that it lies in."""
        places = {*made.places, *(place for place in call.places if _meets(place, made.places))}
        told = [_SECTIONS.get(name, name) for name in made.sections if name not in _UNTOLD]
        self.put(
            f"application {made.id}",
            {
                "application.requested": made.amount_minor,
                "application.places": sorted(places) if call.places else [_ANY],
                "application.themes": made.themes,
                "application.sections": told,
                "application.nap_line_valid": bool(made.lines),
            },
        )
        asked = {"window.places": call.places or [_ANY]}
        self.put(f"call {call.id}", asked | {"window.themes": call.themes or made.themes})

    def marker(self, markers: Iterable[Marker], authors: Iterable[str], *, justified: bool) -> None:
        """Add what a marker means, by the crosswalk into the scale of four.

        Args:
            markers: the latest of each scheme; none is unscreened, which meets no floor.
            authors: the parties, or keys, of whom it is; another has to review it.
            justified: whether it is justified in writing.
        """
        own = {*authors}
        chosen = sorted(markers, key=lambda each: bool(own & {each.key, each.party}))[:1]
        told: dict[str, Any] = {"marker.score": 0, "marker.lossy": False}
        if chosen:
            each = chosen[0]
            crossed = crosswalk(each.scheme, each.score, "un-gem")  # type: ignore[arg-type]  # checked when it was given
            meant = SCHEMES["un-gem"].get(crossed.score, "none")
            told = {
                "marker.score": _SCORES.get(meant, 0),
                "marker.lossy": crossed.lossy,
                "marker.in_scheme": each.score in SCHEMES[each.scheme],
                "marker.justified": justified,
                "marker.reviewed_by_another": not own & {each.key, each.party},
            }
        self.put("the gender marker", told)

    def budget(self, made: Application, around: Around) -> None:
        """Add who holds an application's budget, and what for."""
        direct = sum(line.amount_minor for line in made.budget if line.category != "indirect")
        indirect = made.amount_minor - direct
        local = {
            each.party
            for each in around.attested
            if each.kind == "level" and each.value in _LOCAL and each.party != made.lead
        }
        gewe = sum(line.amount_minor * line.gewe_percent for line in made.budget)
        self.put(
            f"application {made.id}",
            {
                "agreement.gewe_share": gewe * _BASIS_POINTS // made.amount_minor,
                "agreement.local_amount": sum(
                    line.amount_minor for line in made.budget if line.party in local
                ),
                "agreement.overhead_shared": not indirect
                or any(line.party in local and line.category == "indirect" for line in made.budget),
                "fees.direct": direct,
                "fees.indirect": indirect,
            },
        )


def _meets(place: str, others: Iterable[str]) -> bool:
    """Tell whether a place lies in one of the others, or one of these in it."""
    return any(
        place == other or place.startswith(f"{other}-") or other.startswith(f"{place}-")
        for other in others
    )
