"""What a register of organisations comes to: who was there already, and who only seems so.

Pairs that people labelled are alike to begin with. In a register nearly all pairs are two
organisations, and each question that is asked of them in vain costs a small group an answer.
"""

import random
from collections import Counter
from typing import Any, NamedTuple

from mfm.app.matching import org_matcher
from mfm.core.blocking import Candidates, keys_of
from mfm.core.org_likeness import OrgView, Read
from mfm.core.org_matching import OrgMatcher, worth_asking

EACH = 800
"""So many register under another of their names, and so many are new."""
NEAREST = 25


class Newcomer(NamedTuple):
    """Who comes to be registered.

    Attributes:
        member: of the pool.
        name: under which it comes.
        place: its place in the register, or -1 for who is new.
    """

    member: dict[str, Any]
    name: str
    place: int


def displayed(member: dict[str, Any]) -> str:
    """Return the name that an organisation goes by."""
    return next((n[0] for n in member["names"] if "ror_display" in n[2]), member["names"][0][0])


def newcomers(pool: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Newcomer]]:
    """Return a register, and who comes to it, drawn from a pool."""
    drawn = random.Random(7)
    mixed = drawn.sample(pool, len(pool))
    known = [m for m in mixed if m["country"] and len({n[0] for n in m["names"]}) > 1][:EACH]
    taken = {member["ror"] for member in known}
    rest = [member for member in mixed if member["ror"] not in taken]
    others = [sorted({n[0] for n in m["names"]} - {displayed(m)}) for m in known]
    back = [
        Newcomer(member, drawn.choice(names), at)
        for at, (member, names) in enumerate(zip(known, others, strict=True))
    ]
    return [*known, *rest[EACH:]], [*back, *(Newcomer(m, displayed(m), -1) for m in rest[:EACH])]


def asked(pool: list[dict[str, Any]], *, city: bool) -> dict[str, float]:
    """Return the shares of those who were there already and of the new that are asked about.

    Both as all that is asked, and as what is strong among it.
    """
    matcher = org_matcher()
    register, coming = newcomers(pool)
    there = [_read(matcher, member, displayed(member), city=city) for member in register]
    among = Candidates([keys_of(read.name, read.view.country)] for read in there)
    found: Counter[str] = Counter()
    for each in coming:
        here = _read(matcher, each.member, each.name, city=city)
        near = among.find(keys_of(here.name, here.view.country), NEAREST)
        judged = {place: matcher.judge(here, there[place]) for place in near}
        hits = {place: told.band for place, told in judged.items() if worth_asking(told)}
        if each.place < 0:
            found["new, asked"] += bool(hits)
            found["new, strong"] += "strong" in hits.values()
        else:
            found["twice, asked"] += each.place in hits
            found["twice, strong"] += hits.get(each.place) == "strong"
    return {what: count / EACH for what, count in sorted(found.items())}


def _read(matcher: OrgMatcher, member: dict[str, Any], name: str, *, city: bool) -> Read:
    where = member["city"] if city else None
    return matcher.read(OrgView(name, member["country"], where))
