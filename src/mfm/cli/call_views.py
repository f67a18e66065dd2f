"""Calls seen together in the terminal: what one overlaps, the calendar, competition, co-funding."""

import argparse

from msgspec import UNSET, convert

from mfm.app import call_views, co_funding
from mfm.app.call_views import CalendarQuery
from mfm.app.co_funding import CoFundingQuery
from mfm.app.competition import CompetitionLevel, competition
from mfm.cli.arguments import Commands, command, print_json, visible
from mfm.cli.session import Session
from mfm.cli.statements import print_table
from mfm.core.money import Money


def add(commands: Commands) -> None:
    """Add `rivals`, `calendar`, `competition` and `co-funding`."""
    text = "Print the calls that ask the same applicants in the same days as one, perhaps a draft."
    command(commands, "rivals", _rivals, text).add_argument("call", metavar="CALL")

    made = command(commands, "calendar", _calendar, "Print calls over all tiers by their days.")
    for name, value in (("since", "DAY"), ("until", "DAY"), ("tier", "TIER")):
        made.add_argument(f"--{name}", metavar=value)
    for name in ("place", "theme"):
        made.add_argument(f"--{name}", metavar="CODE", help=f"only for this {name}, or for any")

    text = "Print who competes in a call, by how far they work."
    command(commands, "competition", _competition, text).add_argument("call", metavar="CALL")

    text = "Print who bears which share of one cost, as applications declare it."
    made = command(commands, "co-funding", _co_funding, text)
    made.add_argument("--fund", default="", help="only what this fund is asked for")
    made.add_argument("--lead", default="", help="only what this organisation asks for")


async def _rivals(session: Session, args: argparse.Namespace) -> int:
    asked = (args.mechanism, "call.read", f"mfm rivals {args.call}")
    async with session.reading(*asked) as (engine, actor):
        found = await call_views.rivals(engine, actor, args.call)
    if args.json:
        print_json({"overlaps": found})
        return 0
    rows = [
        (
            each.call,
            each.fund,
            each.tier,
            f"{each.opens_on} to {each.closes_on}",
            "; ".join(each.reasons),
            ", ".join(each.suggestions),
        )
        for each in found
    ]
    print_table("", ("call", "fund", "tier", "days", "why", "what would help"), rows)
    if found:
        clear = found[0].shift_to
        when = f"From {clear} on" if clear else "On no later day"
        print(f"{when} it would meet none of them.")
    return 0


async def _calendar(session: Session, args: argparse.Namespace) -> int:
    names = ("since", "until", "tier", "place", "theme")
    told = {name: value for name in names if (value := getattr(args, name))}
    query = convert(told, CalendarQuery, strict=False)
    async with session.reading(args.mechanism, "call.read", "mfm calendar") as (engine, actor):
        found = await call_views.calendar(engine, actor, query)
    if args.json:
        print_json(found)
        return 0
    rows = [
        (
            f"{each.opens_on} to {each.closes_on}",
            each.tier,
            each.fund,
            each.call,
            visible(each.title),
            each.status,
            ", ".join(each.overlaps),
        )
        for each in found.calls
    ]
    heads = ("days", "tier", "fund", "call", "title", "status", "overlaps")
    print_table(f"Calls from {found.since} to {found.until}", heads, rows)
    if found.more is not UNSET:
        print("There are more: narrow the days, the tier or the place.")
    return 0


async def _competition(session: Session, args: argparse.Namespace) -> int:
    asked = (args.mechanism, "competition.read", f"mfm competition {args.call}")
    async with session.reading(*asked) as (engine, actor):
        found = await competition(engine, actor, args.call)
    if args.json:
        print_json(found)
        return 0
    names = [name for name in CompetitionLevel.__struct_fields__ if name != "suppressed"]
    rows = [[_cell(getattr(each, name)) for name in names] for each in (*found.levels, found.all)]
    heads = [names[0], *(f">{name.replace('_', ' ')}" for name in names[1:])]
    print_table(f"Competition in call {found.call} of fund {found.fund}", heads, rows)
    for note in found.notes:
        print(note)
    return 0


async def _co_funding(session: Session, args: argparse.Namespace) -> int:
    query = CoFundingQuery(fund=args.fund, lead=args.lead)
    asked = (args.mechanism, "application.read", "mfm co-funding")
    async with session.reading(*asked) as (engine, actor):
        found = await co_funding.declared(engine, actor, query)
    if args.json:
        print_json(found)
        return 0
    rows = [
        (
            each.declared_by,
            each.lead,
            share.application,
            share.fund,
            _cell(share.amount),
            _cell(share.per_mille),
            "more than the whole" if each.over else "",
        )
        for each in found.items
        for share in each.shares
    ]
    heads = ("declared by", "lead", "application", "fund", ">amount", ">per mille", "")
    print_table("Shares of one cost", heads, rows)
    return 0


def _cell(value: Money | str | int | None) -> str:
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    return "" if value is None else str(value)
