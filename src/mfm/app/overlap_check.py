"""The check of one: what the detectors notice of a party, an application, a call or an amount.

It is made right after something is submitted, so it reads what stands round that one alone: the
few that share keys with it, who gives to whom near it, and the calls of its days. A scan of
everything finds the same and more.
"""

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Literal, TypeVar

from msgspec import structs

from mfm.app.context import utc_now
from mfm.app.matching import org_matcher, project_matcher
from mfm.app.overlap_held import ASKING, GONE, Held, counts, latest, resolve
from mfm.app.overlap_keys import keys_of
from mfm.app.overlap_spending import MONEY, about, names_of
from mfm.app.overlap_texts import with_words
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.commitments import Commitment
from mfm.core.contacts import DOMAINS, PERSONAL
from mfm.core.funds import Fund
from mfm.core.overlap_asks import repeated, split
from mfm.core.overlap_calls import overlapping_calls
from mfm.core.overlap_chains import DEPTH_MAX, Agreement, intermediaries
from mfm.core.overlap_control import ALWAYS_TELLS, shared_control
from mfm.core.overlap_exposure import over_stretched
from mfm.core.overlap_parties import same_organisations, twins
from mfm.core.overlap_projects import Beside, alike
from mfm.core.overlaps import Overlap
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.core.traits import HOLDERS_MAX
from mfm.store import marks
from mfm.store import overlaps as store
from mfm.store.database import Snapshot, driver_of, within
from mfm.store.marks import Marks
from mfm.store.overlap_near import ALIKE_MAX, Near

N = TypeVar("N", bound=Noun)
Kind = Literal["party", "application", "call", "report", "cost", "commitment"]
_TELLING = ("bank-account", "host", "city", *DOMAINS, *PERSONAL)
"""Kinds of attestation that tell one organisation from another."""
NEAREST = 50
"""With so many that share most keys one is compared."""
APPLICATIONS_OF_ONE_MAX = 200
"""So many of one lead's applications are compared with each other, the latest of them."""


async def check(connection: Snapshot, kind: Kind, noun_id: str) -> list[Overlap]:
    """Return what is noticed of one, and of an application's lead.

    Args:
        connection: a reader's or auditor's.
        kind: what it is.
        noun_id: its id; one that does not stand has nothing to be noticed.
    """
    near = await near_of(connection)
    on = utc_now().date()
    if kind == "call":
        return await _call(near, noun_id)
    if kind == "party":
        return await _party(connection, near, noun_id, on)
    if kind == "application":
        return await _submitted(connection, near, noun_id, on)
    return await MONEY[kind](connection, near, noun_id)


async def near_of(connection: Snapshot) -> Near:
    """Return what asks for nouns by their fields on a reader's connection."""
    raw = await driver_of(connection)
    return Near(raw, await within(raw))


# Organisations ------------------------------------------------------------------------------------


async def _party(connection: Snapshot, near: Near, party_id: str, on: date) -> list[Overlap]:
    found = await near.load(Party, "id", [party_id])
    if not found or found[0].status in GONE:
        return []
    party = found[0]
    if party.merged_into:
        return await _party(connection, near, party.merged_into, on)
    alike = await store.nearest(connection, keys_of(party).keys, NEAREST)
    held = Held()
    names = {party.id, *await near.aliases(party.id)}
    own = await near.load(Attestation, "party", names)
    own = [each for each in own if counts(each, on)]
    held.marks["attestation"] = await marks.shared(
        connection, "attestation", [each.id for each in own if each.kind in PERSONAL]
    )
    sharing = await _sharing(near, own, held.marks["attestation"])
    # The one that is looked at stands first: it is compared with each of the others.
    others = await near.load(Party, "id", {*alike, *sharing, *names} - {party.id})
    held.parties = {each.id: each for each in (party, *_standing(others))}
    beside = await near.attested(held.parties.keys() - names, _TELLING)
    held.attestations = [*own, *(each for each in beside if counts(each, on))]
    grants = await near.load(Commitment, "to_party", names)
    held.commitments = _standing(grants)
    budgets = [each.currency for each in held.attestations if each.kind == "annual-budget"]
    if budgets and grants:
        currencies = {*budgets, *(each.currency for each in grants)}
        held.rates = latest(await near.rates(currencies))
    resolve(held)
    return await asyncio.to_thread(_of_party, held, party.id, on)


async def _sharing(near: Near, own: list[Attestation], marked: Marks) -> set[str]:
    """Return who shares an account, a domain or a contact with a party."""
    accounts = [each.value for each in own if each.kind == ALWAYS_TELLS]
    domains = [each.value for each in own if each.kind in DOMAINS]
    found = [
        *await near.saying([ALWAYS_TELLS], accounts, ALIKE_MAX),
        *await near.saying(DOMAINS, domains, HOLDERS_MAX + 1),
        *await near.load(Attestation, "id", marked),
    ]
    return {each.party for each in found}


def _of_party(held: Held, party_id: str, on: date) -> list[Overlap]:
    register = list(held.registered())
    pairs = ((0, place) for place in range(1, len(register)))
    found = [
        *same_organisations(register, pairs, org_matcher(), lambda _: None),
        *shared_control(held.traits(), held.hosted()),
        *over_stretched(held.awards(), held.budgets(), held.exchange, on),
    ]
    return about(found, party_id)


# Applications -------------------------------------------------------------------------------------


async def _submitted(connection: Snapshot, near: Near, name: str, on: date) -> list[Overlap]:
    found = await near.load(Application, "id", [name])
    if not found or found[0].status not in ASKING:
        return []
    of_lead = await _party(connection, near, found[0].lead, on)
    return [*await _application(connection, near, found[0], twins(of_lead)), *of_lead]


async def _application(
    connection: Snapshot, near: Near, asked: Application, one_with: set[frozenset[str]]
) -> list[Overlap]:
    keys = keys_of(asked).keys
    ids = {*await store.nearest(connection, keys, NEAREST), asked.id}
    one = await names_of(near, asked.lead)
    agreements, names = await _agreements(near, one)
    mine = await near.load(Application, "lead", one)
    # All that the lead and those above and below it turn to, so that a scan has nothing to add.
    asked_of = {each.fund for each in mine if each.status in ASKING}
    ids.update(await near.asking(names.keys() - one, asked_of))
    found = {each.id: each for each in (*await near.load(Application, "id", ids), *mine)}
    found |= {each.id: each for each in await near.sharing([asked])}
    held = Held()
    held.applications = [each for each in found.values() if each.status in ASKING]
    if any(each.co_financing for each in held.applications):
        held.rates = latest(await near.rates({each.currency for each in held.applications}))
    calls = await near.load(Call, "id", {each.call for each in held.applications})
    held.calls = {each.id: each for each in _standing(calls)}
    held.words = await store.words_of(connection, held.calls.values())
    funds = await near.load(Fund, "id", {each.fund for each in held.applications})
    held.funds = {each.id: each for each in funds}
    leads = await near.load(Party, "id", {each.lead for each in held.applications})
    stay = await near.load(Party, "id", {each.merged_into for each in leads})
    held.parties = {each.id: each for each in (*leads, *stay)}
    resolve(held)
    noticed = await asyncio.to_thread(_of_application, held, asked.id, agreements, one_with)
    return await with_words(connection, held, noticed)


async def _agreements(near: Near, one: set[str]) -> tuple[set[Agreement], dict[str, str]]:
    """Return who gives to whom above and below one, `DEPTH_MAX` deep either way, by survivors.

    With them come the names of all who are met on the way: alias -> whom it stands for.
    """
    found: set[Agreement] = set()
    names: dict[str, str] = {}
    for step, side in ((near.givers, "giver"), (near.receivers, "receiver")):
        here = await near.survivors(one)
        for _ in range(DEPTH_MAX):
            names |= here
            given = await step(here)
            found |= given
            here = await near.survivors({getattr(each, side) for each in given} - names.keys())
            if not here:
                break
        names |= here
    resolved = {
        structs.replace(
            each,
            giver=names.get(each.giver, each.giver),
            receiver=names.get(each.receiver, each.receiver),
        )
        for each in found
    }
    return {each for each in resolved if each.giver != each.receiver}, names


def _of_application(
    held: Held,
    asked_id: str,
    agreements: set[Agreement],
    one_with: set[frozenset[str]],
) -> list[Overlap]:
    asked = next(each for each in held.applications if each.id == asked_id)
    matcher = project_matcher()
    mine = [each for each in held.applications if each.lead == asked.lead]
    latest_of_mine = sorted(mine, key=lambda each: each.seq)[-APPLICATIONS_OF_ONE_MAX:]
    others = [each for each in held.applications if each.lead != asked.lead]
    compared = {each.id: each for each in (*others, *latest_of_mine, asked)}
    projects = held.projects(compared.values(), matcher)
    pairs = ((asked.id, name) for name in compared if name != asked.id)
    of_lead = [
        *repeated(held.asks()),
        *split(held.asks()),
        *intermediaries(held.asked(), agreements),
    ]
    beside = Beside(held.declared(), one_with)
    return [*alike(projects, pairs, matcher, beside), *about(of_lead, asked.lead)]


# Calls --------------------------------------------------------------------------------------------


async def _call(near: Near, call_id: str) -> list[Overlap]:
    found = await near.load(Call, "id", [call_id])
    if not found or found[0].status in GONE:
        return []
    held = await around(near, found[0])
    return about(overlapping_calls(held.windows()), call_id)


async def around(near: Near, call: Call, until: date | None = None) -> Held:
    """Return a call with all that are open in its days, or until a later one; and their funds."""
    held = Held()
    calls = await near.open_calls(call.opens_on, until or call.closes_on)
    held.calls = {each.id: each for each in (*calls, call)}
    funds = await near.load(Fund, "id", {each.fund for each in held.calls.values()})
    held.funds = {each.id: each for each in funds}
    return held


def _standing(nouns: Iterable[N]) -> list[N]:
    return [each for each in nouns if each.status not in GONE]
