"""The elements of an IATI activity, decoded one by one into the values of `iati_model`.

A decoder takes its element and the activity's notes, where it leaves what it finds odd.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar, cast

from mfm.core.money import KNOWN
from mfm.core.parties import organisation_key
from mfm.formats.iati_model import (
    ActivityDate,
    Coded,
    Condition,
    Conditions,
    Narrative,
    Organisation,
    Participant,
    PolicyMarker,
    RelatedActivity,
    Transaction,
)
from mfm.formats.iati_values import Unusable, amount, day, flag
from mfm.formats.iati_xml import Element, all_text, attribute, line_of, own_text

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TYPES = frozenset(str(code) for code in range(1, 14))
_SHOWN_CHARS = 80
_ONCE = ("transaction-type", "transaction-date", "value")

Shared = TypeVar("Shared", Organisation, Coded)
Children = dict[str, list[Element]]


class Notes:
    """What was odd in an activity, while its identifier may still be unknown.

    Attributes:
        kept: (code, line, detail) in the order of finding.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.kept: list[tuple[str, int, str]] = []
        self._values: dict[Any, Any] = {}

    def add(self, code: str, element: Element, detail: str) -> None:
        """Note something about an element, with its line."""
        self.kept.append((code, line_of(element), detail))

    def one(self, value: Shared) -> Shared:
        """Return the equal value met before, so that what is said 10,000 times is held once."""
        return cast("Shared", self._values.setdefault(value, value))


def transaction(element: Element, ordinal: int, default_currency: str, notes: Notes) -> Transaction:
    """Decode one transaction.

    Args:
        element: the `transaction` element.
        ordinal: its position among the activity's transactions, from 1.
        default_currency: the activity's, for a value that names none.
        notes: takes what is odd.

    Raises:
        Unusable: why it has to be left out.
    """
    children: Children = defaultdict(list)
    for child in element:
        children[child.tag].append(child)
    for tag in _ONCE:
        if len(children[tag]) > 1:
            notes.add("element-repeated", element, f"{tag} is repeated; the first is taken.")
    kind = _kind(element, children, notes)
    minor, currency, value = _money(children["value"], default_currency, notes)
    on, value_date = _days(children, notes)
    return Transaction(
        ordinal=ordinal,
        line=line_of(element),
        type=kind,
        date=on,
        amount_minor=minor,
        currency=currency,
        value=value,
        value_date=value_date,
        ref=attribute(element, "ref"),
        humanitarian=flag(attribute(element, "humanitarian")),
        provider=_party(children["provider-org"], notes),
        receiver=_party(children["receiver-org"], notes),
        description=_first_narratives(children["description"], notes),
        sectors=_all_coded(children["sector"], notes),
        recipient_countries=_all_coded(children["recipient-country"], notes),
        recipient_regions=_all_coded(children["recipient-region"], notes),
        disbursement_channel=_first(children["disbursement-channel"], "code"),
        flow_type=_first(children["flow-type"], "code"),
        finance_type=_first(children["finance-type"], "code"),
        aid_types=_all_coded(children["aid-type"], notes),
        tied_status=_first(children["tied-status"], "code"),
    )


def _kind(element: Element, children: Children, notes: Notes) -> str:
    kind = _first(children["transaction-type"], "code")
    if not kind:
        raise Unusable("type-missing")
    if kind not in _TYPES:
        notes.add("unknown-transaction-type", element, f"{_shown(kind)} is kept as written.")
    return kind


def _money(values: list[Element], default: str, notes: Notes) -> tuple[int, str, str]:
    """Return the amount in minor units, its currency and the value as written."""
    if not values:
        raise Unusable("value-missing")
    written = own_text(values[0])
    currency = attribute(values[0], "currency") or default
    minor, odd = amount(written, currency)
    if not currency:
        raise Unusable("currency-missing")
    if currency not in KNOWN:
        detail = f"{_shown(currency)} is not in ISO 4217; kept as written, with two decimals."
        notes.add("unknown-currency", values[0], detail)
    for code in odd:
        detail = f"{_shown(written)} is taken as {minor} minor units of {_shown(currency)}."
        notes.add(code, values[0], detail)
    return minor, currency, written


def _days(children: Children, notes: Notes) -> tuple[date, date | None]:
    """Return the transaction's date, or its value date in its place, and its value date."""
    value = children["value"][0]
    element = children["transaction-date"][0] if children["transaction-date"] else value
    written = _first(children["transaction-date"], "iso-date")
    written_value = attribute(value, "value-date")
    on, value_date = _day(written, element, notes), _day(written_value, value, notes)
    taken = on or value_date
    if taken is None:
        raise Unusable("date-malformed" if written or written_value else "date-missing")
    if on is None:
        code = "date-malformed" if written else "date-missing"
        detail = f"The transaction date is {_shown(written)}; the value date {taken} is taken."
        notes.add(code, element, detail)
    elif value_date is None and written_value:
        notes.add("date-malformed", value, f"The value date is {_shown(written_value)}; left out.")
    return taken, value_date


def _day(written: str, element: Element, notes: Notes) -> date | None:
    on, plain = day(written)
    if on is not None and not plain:
        notes.add("date-format", element, f"{_shown(written)} is taken as {on}.")
    return on


def _organisation(element: Element, notes: Notes) -> Organisation:
    reported = attribute(element, "ref")
    ref = organisation_key(reported)
    if not ref and "ref" in element.keys():  # noqa: SIM118 - an element is no mapping
        detail = f"{_shown(reported)} in {element.tag} identifies no organisation; no key is taken."
        notes.add("organisation-ref-junk", element, detail)
    whose = {"provider-org": "provider-", "receiver-org": "receiver-"}.get(element.tag, "")
    found = Organisation(
        ref=ref,
        reported_ref=reported,
        type=attribute(element, "type"),
        activity=attribute(element, f"{whose}activity-id"),
        names=_narratives(element, notes),
    )
    return notes.one(found)


def _party(elements: list[Element], notes: Notes) -> Organisation | None:
    return _organisation(elements[0], notes) if elements else None


def _reporting(element: Element, notes: Notes) -> tuple[Organisation, bool | None]:
    return _organisation(element, notes), flag(attribute(element, "secondary-reporter"))


def _participant(element: Element, notes: Notes) -> Participant:
    channel = attribute(element, "crs-channel-code")
    return Participant(_organisation(element, notes), attribute(element, "role"), channel)


def _narratives(element: Element, _: Notes) -> tuple[Narrative, ...]:
    if not len(element) and not element.text:
        return ()
    found = [child for child in element if child.tag == "narrative"]
    # Before 2.01 the text stood in the element itself; some files still have it there.
    texts = ((all_text(node), attribute(node, LANG)) for node in found or [element])
    return tuple(Narrative(text, lang) for text, lang in texts if text)


def _first_narratives(elements: list[Element], notes: Notes) -> tuple[Narrative, ...]:
    return _narratives(elements[0], notes) if elements else ()


def _coded(element: Element, notes: Notes) -> Coded:
    found = Coded(
        code=attribute(element, "code"),
        vocabulary=attribute(element, "vocabulary"),
        vocabulary_uri=attribute(element, "vocabulary-uri"),
        percentage=attribute(element, "percentage"),
        narratives=_narratives(element, notes),
    )
    return notes.one(found)


def _all_coded(elements: Iterable[Element], notes: Notes) -> tuple[Coded, ...]:
    return tuple(_coded(element, notes) for element in elements)


def _marker(element: Element, notes: Notes) -> PolicyMarker:
    return PolicyMarker(
        code=attribute(element, "code"),
        vocabulary=attribute(element, "vocabulary"),
        vocabulary_uri=attribute(element, "vocabulary-uri"),
        significance=attribute(element, "significance"),
        narratives=_narratives(element, notes),
    )


def _conditions(element: Element, notes: Notes) -> Conditions:
    given = tuple(
        Condition(attribute(child, "type"), _narratives(child, notes))
        for child in element
        if child.tag == "condition"
    )
    return Conditions(flag(attribute(element, "attached")), given)


def _activity_date(element: Element, notes: Notes) -> ActivityDate:
    written = attribute(element, "iso-date")
    on = _day(written, element, notes)
    if on is None:
        notes.add("date-malformed", element, f"The activity date is {_shown(written)}; left out.")
    return ActivityDate(attribute(element, "type"), on, written)


def _related(element: Element, _: Notes) -> RelatedActivity:
    return RelatedActivity(attribute(element, "ref"), attribute(element, "type"))


def _nested(element: Element, notes: Notes) -> None:
    notes.add("activity-nested", element, "An activity within an activity is not read.")


def _code(element: Element, _: Notes) -> str:
    return attribute(element, "code")


def _first(elements: list[Element], name: str) -> str:
    return attribute(elements[0], name) if elements else ""


def _shown(written: str) -> str:
    """Quote what was written, cut to a readable length."""
    return f'"{written}"' if len(written) <= _SHOWN_CHARS else f'"{written[:_SHOWN_CHARS]}..."'


DECODERS: dict[str, Callable[[Element, Notes], Any]] = {
    "iati-identifier": lambda element, _: own_text(element),
    "reporting-org": _reporting,
    "title": _narratives,
    "description": _narratives,
    "activity-status": _code,
    "activity-date": _activity_date,
    "participating-org": _participant,
    "sector": _coded,
    "policy-marker": _marker,
    "recipient-country": _coded,
    "recipient-region": _coded,
    "default-flow-type": _code,
    "default-finance-type": _code,
    "default-aid-type": _coded,
    "default-tied-status": _code,
    "conditions": _conditions,
    "related-activity": _related,
    "iati-activity": _nested,
}
"""What each child of an activity says, transactions left aside."""
