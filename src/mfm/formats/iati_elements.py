"""The elements of an IATI 2.03 activity, encoded from the values of `iati_model`.

What others published may break the schema: it is mended where the standard needs something there,
left out where it does not, and told either way. Source: IATI Standard 2.03, activities.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from lxml import etree

from mfm.core.money import decimal_text, rounded
from mfm.formats.iati_model import (
    Activity,
    ActivityDate,
    Budget,
    Coded,
    Conditions,
    Narrative,
    Organisation,
    Participant,
    PlannedDisbursement,
    PolicyMarker,
    Transaction,
)

Note = Callable[[str, str], None]
"""Told (code, detail) of whatever could not be written as it was given."""

Element = Any
"""An element of lxml, which has no types."""

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_DECIMAL = re.compile(r"[+-]?(?=[0-9.]{1,24}$)([0-9]+(\.[0-9]*)?|\.[0-9]+)")  # what parsers hold
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(//)?([A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
)
_INT_MAX = 2**31 - 1
# XML 1.0 has no other characters, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACCOUNTABLE, _ONGOING, _ACTUAL_START = "2", "2", "2"


def legal(text: str) -> str:
    """Return a text with each character that XML does not have replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def start_of(activity: Activity, note: Note) -> dict[str, str]:
    """Return the attributes of an activity's start tag."""
    made = {}
    if activity.default_currency:
        made["default-currency"] = legal(activity.default_currency)
    hierarchy = activity.hierarchy.strip()
    if hierarchy.isascii() and hierarchy.isdigit() and int(hierarchy[:11]) <= _INT_MAX:
        made["hierarchy"] = hierarchy
    elif hierarchy:
        note("hierarchy-malformed", f"The hierarchy {_shown(hierarchy)} is left out.")
    if activity.humanitarian is not None:
        made["humanitarian"] = _flag(activity.humanitarian)
    return made | _language(activity.lang, note)


def head(activity: Activity, note: Note, since: date) -> Iterator[Element]:
    """Give what stands before an activity's transactions, in the schema's order.

    Args:
        activity: what it says.
        note: told what could not be written.
        since: the day it is said to have begun where it names no date at all.
    """
    yield _element("iati-identifier", text=activity.identifier)
    yield _reporting(activity, note)
    title = activity.title or _said(activity.identifier, "title-missing", note)
    yield _narrated("title", title, note)
    yield _narrated(
        "description",
        activity.description or _said(title[0].text, "description-missing", note),
        note,
        {"type": "1"},
    )
    yield from _participants(activity, note)
    yield _status(activity, note)
    yield from _dates(activity.dates, note, since)
    for tag, values in (
        ("recipient-country", activity.recipient_countries),
        ("recipient-region", activity.recipient_regions),
        ("sector", activity.sectors),
    ):
        yield from _all_coded(tag, values, note)
    yield from _markers(activity.policy_markers, note)
    yield from _single("default-flow-type", activity.default_flow_type)
    yield from _single("default-finance-type", activity.default_finance_type)
    yield from _all_coded("default-aid-type", activity.default_aid_types, note)
    yield from _single("default-tied-status", activity.default_tied_status)
    for budget in activity.budgets:
        yield _budget(budget)
    for planned in activity.planned:
        yield _planned(planned, note)


def tail(activity: Activity, note: Note) -> Iterator[Element]:
    """Give what stands behind an activity's transactions, in the schema's order."""
    for each in activity.related:
        if each.ref and each.type:
            yield _element("related-activity", {"ref": each.ref, "type": each.type})
        else:
            note("related-activity-incomplete", f"A relation to {_shown(each.ref)} is left out.")
    yield from _conditions(activity.conditions, note)


def transaction(said: Transaction, note: Note) -> Element:
    """Return one transaction, its children in the schema's order.

    Args:
        said: what it says; its amount is written as it was, if there is a plain writing of it.
        note: told what could not be written.
    """
    attributes = {"ref": said.ref}
    if said.humanitarian is not None:
        attributes["humanitarian"] = _flag(said.humanitarian)
    made = _element("transaction", attributes)
    made.append(_element("transaction-type", {"code": said.type}))
    made.append(_element("transaction-date", {"iso-date": said.date.isoformat()}))
    told = {"currency": said.currency, "value-date": (said.value_date or said.date).isoformat()}
    made.append(_element("value", told, _value(said)))
    if said.description:
        made.append(_narrated("description", said.description, note))
    for tag, party in (("provider-org", said.provider), ("receiver-org", said.receiver)):
        if party is not None:
            made.append(_organisation(tag, party, note))
    made.extend(_single("disbursement-channel", said.disbursement_channel))
    made.extend(_all_coded("sector", said.sectors, note, within=True))
    for tag, places in (
        ("recipient-country", said.recipient_countries),
        ("recipient-region", said.recipient_regions),
    ):
        if len(places) > 1:
            note("place-repeated", f"A transaction has one {tag}; the first is written.")
        made.extend(_all_coded(tag, places[:1], note, within=True))
    made.extend(_single("flow-type", said.flow_type))
    made.extend(_single("finance-type", said.finance_type))
    made.extend(_all_coded("aid-type", said.aid_types, note))
    made.extend(_single("tied-status", said.tied_status))
    return made


def _value(said: Transaction) -> str:
    """Return the amount: as published, which may have more decimals, else with its currency's."""
    written = said.value.replace(",", "")
    if _DECIMAL.fullmatch(written) and rounded(written, said.currency)[0] == said.amount_minor:
        return written
    return decimal_text(said.amount_minor, said.currency)


def _element(tag: str, attributes: dict[str, str] | None = None, text: str = "") -> Element:
    """Return an element; attributes without a value are left out."""
    made = etree.Element(tag)
    for name, value in (attributes or {}).items():
        if value:
            made.set(name, legal(value))
    if text:
        made.text = legal(text)
    return made


def _single(tag: str, code: str) -> list[Element]:
    return [_element(tag, {"code": code})] if code else []


def _flag(value: bool) -> str:  # noqa: FBT001  # a value, not a switch
    return "1" if value else "0"


def _language(lang: str, note: Note) -> dict[str, str]:
    if lang and _LANGUAGE.fullmatch(lang) is None:
        note("language-malformed", f"The language {_shown(lang)} is left out.")
        return {}
    return {_LANG: lang} if lang else {}


def _said(text: str, code: str, note: Note) -> tuple[Narrative, ...]:
    """Return a text that has to be there and was not given."""
    note(code, f"It is not given; {_shown(text)} is written.")
    return (Narrative(text),)


def _narrate(parent: Element, texts: Sequence[Narrative], note: Note) -> Element:
    for each in texts:
        made = etree.SubElement(parent, "narrative", _language(each.lang, note))
        made.text = legal(each.text)
    return parent


def _narrated(
    tag: str, texts: Sequence[Narrative], note: Note, attributes: dict[str, str] | None = None
) -> Element:
    return _narrate(_element(tag, attributes), texts, note)


def _reporting(activity: Activity, note: Note) -> Element:
    org = activity.reporting
    made = etree.Element("reporting-org", ref=legal(_ref(org)), type=legal(org.type))
    for name, value in (("reference", _ref(org)), ("type", org.type)):
        if not value:
            note("reporting-org-incomplete", f"The reporting organisation has no {name}.")
    if activity.secondary_reporter is not None:
        made.set("secondary-reporter", _flag(activity.secondary_reporter))
    names = org.names or _said(_ref(org) or "-", "reporting-org-nameless", note)
    return _narrate(made, names, note)


def _ref(org: Organisation) -> str:
    return org.reported_ref or org.ref


def _organisation(tag: str, org: Organisation, note: Note) -> Element:
    whose = {"provider-org": "provider-", "receiver-org": "receiver-"}.get(tag, "")
    told = {"ref": _ref(org), f"{whose}activity-id": org.activity, "type": org.type}
    return _narrate(_element(tag, told), org.names, note)


def _participants(activity: Activity, note: Note) -> Iterator[Element]:
    known = [each for each in activity.participants if each.role]
    if len(known) < len(activity.participants):
        note("participant-without-role", "A participating organisation without role is left out.")
    if not known:
        note("participants-missing", "The reporting organisation is written as accountable.")
        known = [Participant(activity.reporting, _ACCOUNTABLE)]
    for each in known:
        made = _organisation("participating-org", each.organisation, note)
        made.set("role", legal(each.role))
        if each.crs_channel:
            made.set("crs-channel-code", legal(each.crs_channel))
        yield made


def _status(activity: Activity, note: Note) -> Element:
    if not activity.status:
        note("status-missing", "It is written as in implementation.")
    return _element("activity-status", {"code": activity.status or _ONGOING})


def _dates(dates: Sequence[ActivityDate], note: Note, since: date) -> Iterator[Element]:
    known = [(each.type, each.on) for each in dates if each.type and each.on]
    if len(known) < len(dates):
        note("activity-date-malformed", "A date that is none, or has no type, is left out.")
    if not known:
        note("activity-dates-missing", f"It is written as begun on {since}.")
        known = [(_ACTUAL_START, since)]
    for kind, on in known:
        yield _element("activity-date", {"type": kind, "iso-date": on.isoformat()})


# tag -> attributes that it may have beside its code.
_MAY_HAVE = {
    "sector": ("vocabulary", "vocabulary-uri", "percentage"),
    "recipient-country": ("percentage",),
    "recipient-region": ("vocabulary", "vocabulary-uri", "percentage"),
    "aid-type": ("vocabulary",),
    "default-aid-type": ("vocabulary",),
}


def _all_coded(
    tag: str, values: Sequence[Coded], note: Note, *, within: bool = False
) -> Iterator[Element]:
    """Give codes with what their element may have; `within` a transaction there are no shares."""
    for each in values:
        if not each.code:
            note("code-missing", f"{tag} without a code is left out.")
            continue
        told = {
            "vocabulary": each.vocabulary,
            "vocabulary-uri": _uri(each.vocabulary_uri, note),
            "percentage": _percentage(each.percentage, note),
        }
        kept = [name for name in _MAY_HAVE[tag] if not (within and name == "percentage")]
        for name in told.keys() - set(kept):
            if told[name]:
                note("attribute-misplaced", f"{name} of {tag} {each.code} has no place there.")
        made = _element(tag, {"code": each.code} | {name: told[name] for name in kept})
        yield made if tag.endswith("aid-type") else _narrate(made, each.narratives, note)


def _percentage(written: str, note: Note) -> str:
    if written and _DECIMAL.fullmatch(written.strip()) is None:
        note("percentage-malformed", f"The share {_shown(written)} is left out.")
        return ""
    return written.strip()


def _uri(written: str, note: Note) -> str:
    if written and _URI.fullmatch(written.strip()) is None:
        note("uri-malformed", f"The address {_shown(written)} is left out.")
        return ""
    return written.strip()


def _markers(markers: Sequence[PolicyMarker], note: Note) -> Iterator[Element]:
    for each in markers:
        if not each.code:
            note("code-missing", "policy-marker without a code is left out.")
            continue
        told = {
            "vocabulary": each.vocabulary,
            "vocabulary-uri": _uri(each.vocabulary_uri, note),
            "code": each.code,
            "significance": each.significance,
        }
        yield _narrated("policy-marker", each.narratives, note, told)


def _budget(budget: Budget) -> Element:
    made = _element("budget", {"type": budget.type, "status": budget.status})
    made.append(_element("period-start", {"iso-date": budget.start.isoformat()}))
    made.append(_element("period-end", {"iso-date": budget.end.isoformat()}))
    told = {"currency": budget.currency, "value-date": budget.start.isoformat()}
    made.append(_element("value", told, decimal_text(budget.amount_minor, budget.currency)))
    return made


def _planned(planned: PlannedDisbursement, note: Note) -> Element:
    made = _element("planned-disbursement", {"type": planned.type})
    made.append(_element("period-start", {"iso-date": planned.start.isoformat()}))
    if planned.end is not None:
        made.append(_element("period-end", {"iso-date": planned.end.isoformat()}))
    told = {"currency": planned.currency, "value-date": planned.start.isoformat()}
    made.append(_element("value", told, decimal_text(planned.amount_minor, planned.currency)))
    for tag, org in (("provider-org", planned.provider), ("receiver-org", planned.receiver)):
        if org is not None:
            made.append(_organisation(tag, org, note))
    return made


def _conditions(said: Conditions, note: Note) -> Iterator[Element]:
    kept = [each for each in said.conditions if each.type and each.narratives]
    if len(kept) < len(said.conditions):
        note("condition-incomplete", "A condition without type or text is left out.")
    if said.attached is None and not kept:
        return
    attached = bool(kept) if said.attached is None else said.attached
    if said.attached is None:
        note("conditions-unsaid", "That conditions are attached was not said; they are.")
    made = _element("conditions", {"attached": _flag(attached)})
    for each in kept:
        made.append(_narrated("condition", each.narratives, note, {"type": each.type}))
    yield made


def _shown(written: str) -> str:
    return f'"{written[:80]}"'
