"""What an IATI activity says, as values (IATI Standard 2.01, 2.02 and 2.03, activity standard).

Codes, identifiers, currencies and percentages are kept as written; "" means that nothing was said.
An omitted default is left out of the encoding, so a field added later changes no content digest.
"""

import datetime as dt
from hashlib import sha256

from msgspec import Struct
from msgspec.json import Encoder
from msgspec.structs import replace

_CANONICAL = Encoder(order="sorted")


class Narrative(Struct, frozen=True, omit_defaults=True, gc=False):
    """One text in one language.

    Attributes:
        text: without the surrounding white space.
        lang: the narrative's own `xml:lang`; "" means the activity's default language.
    """

    text: str
    lang: str = ""


class Organisation(Struct, frozen=True, omit_defaults=True, gc=False):
    """An organisation as it is named in one place.

    Attributes:
        ref: an identifier fit to be a key (`<agency>-<rest>`), or "" where none or junk was given.
        reported_ref: the reference as written.
        type: code of OrganisationType.
        activity: identifier of the organisation's own activity this money or role belongs to.
        names: the name, in each language given.
    """

    ref: str = ""
    reported_ref: str = ""
    type: str = ""
    activity: str = ""
    names: tuple[Narrative, ...] = ()

    @property
    def name(self) -> str:
        """The first name given, or ""."""
        return self.names[0].text if self.names else ""


class Participant(Struct, frozen=True, omit_defaults=True, gc=False):
    """An organisation's part in an activity: `role` is a code of OrganisationRole."""

    organisation: Organisation
    role: str = ""
    crs_channel: str = ""


class Coded(Struct, frozen=True, omit_defaults=True, gc=False):
    """A code from a vocabulary: a sector, country, region or aid type.

    Attributes:
        code: as written.
        vocabulary: code of the vocabulary; "" means the element's default one.
        vocabulary_uri: where a vocabulary of the reporter's own is described.
        percentage: the share as decimal text, as written; "" where none was given.
        narratives: the code's meaning, where the reporter gave one.
    """

    code: str = ""
    vocabulary: str = ""
    vocabulary_uri: str = ""
    percentage: str = ""
    narratives: tuple[Narrative, ...] = ()


class PolicyMarker(Struct, frozen=True, omit_defaults=True, gc=False):
    """A policy marker; a blank `significance` was not given, which is not "0" (not targeted)."""

    code: str = ""
    vocabulary: str = ""
    vocabulary_uri: str = ""
    significance: str = ""
    narratives: tuple[Narrative, ...] = ()


class Condition(Struct, frozen=True, omit_defaults=True, gc=False):
    """One condition: `type` is a code of ConditionType (1 policy, 2 performance, 3 fiduciary)."""

    type: str = ""
    narratives: tuple[Narrative, ...] = ()


class Conditions(Struct, frozen=True, omit_defaults=True, gc=False):
    """The conditions of an activity; `attached` is None where the reporter did not say."""

    attached: bool | None = None
    conditions: tuple[Condition, ...] = ()


class ActivityDate(Struct, frozen=True, omit_defaults=True, gc=False):
    """A planned or actual date: `type` is a code of ActivityDateType; None is unreadable."""

    type: str = ""
    on: dt.date | None = None
    reported: str = ""


class RelatedActivity(Struct, frozen=True, omit_defaults=True, gc=False):
    """Another activity: `type` is a code of RelatedActivityType (1 parent, 2 child ...)."""

    ref: str = ""
    type: str = ""


class Budget(Struct, frozen=True, omit_defaults=True, gc=False):
    """A budget for at most a year: `type` is a code of BudgetType, `status` of BudgetStatus.

    Attributes:
        start: first day.
        end: last day.
        amount_minor: in minor units of `currency`.
        currency: ISO 4217 code.
        type: 1 original, 2 revised.
        status: 1 indicative, 2 committed.
    """

    start: dt.date
    end: dt.date
    amount_minor: int
    currency: str
    type: str = ""
    status: str = ""


class PlannedDisbursement(Struct, frozen=True, omit_defaults=True, gc=False):
    """A payment that is planned: `type` is a code of BudgetType (1 original, 2 revised).

    Attributes:
        start: the day it is due, or the first of several.
        end: the last day, or None.
        amount_minor: in minor units of `currency`.
        currency: ISO 4217 code.
    """

    start: dt.date
    amount_minor: int
    currency: str
    end: dt.date | None = None
    type: str = ""
    provider: Organisation | None = None
    receiver: Organisation | None = None


class Finding(Struct, frozen=True, gc=False):
    """Something odd that was read all the same.

    Attributes:
        code: stable, kebab-case.
        ref: identifier of the activity it was found in.
        line: line of the element, from 1.
        detail: one sentence with what was written and how it was taken.
    """

    code: str
    ref: str
    line: int
    detail: str


class Refusal(Struct, frozen=True, gc=False):
    """A transaction left out: the activity's identifier, its ordinal and line there, and why."""

    activity: str
    ordinal: int
    line: int
    code: str


class Transaction(Struct, frozen=True, omit_defaults=True, gc=False):
    """One usable transaction.

    Attributes:
        ordinal: position among the activity's transactions in the file, from 1, unusable ones too.
        line: line of its start tag, from 1.
        type: code of TransactionType, as written; 1 to 13 are known.
        date: the transaction date; the value date where that is missing or unreadable.
        amount_minor: signed, in minor units of `currency`, rounded half to even.
        currency: as written, the activity's default where the value has none.
        value: the amount as written, without surrounding white space.
        value_date: None where missing or unreadable.
        ref: the reporter's own reference, or "".
        humanitarian: None where not said.
    """

    ordinal: int
    line: int
    type: str
    date: dt.date
    amount_minor: int
    currency: str
    value: str
    value_date: dt.date | None = None
    ref: str = ""
    humanitarian: bool | None = None
    provider: Organisation | None = None
    receiver: Organisation | None = None
    description: tuple[Narrative, ...] = ()
    sectors: tuple[Coded, ...] = ()
    recipient_countries: tuple[Coded, ...] = ()
    recipient_regions: tuple[Coded, ...] = ()
    disbursement_channel: str = ""
    flow_type: str = ""
    finance_type: str = ""
    aid_types: tuple[Coded, ...] = ()
    tied_status: str = ""


class Activity(Struct, frozen=True, omit_defaults=True):
    """One `iati-activity` element with all its transactions, in document order.

    Attributes:
        identifier: `iati-identifier` without surrounding white space, or "".
        line: line of its start tag, from 1.
        reporting: the reporting organisation; empty where missing.
        secondary_reporter: None where not said.
        budgets: written, but not read: an import leaves them aside.
        planned: likewise.
        refused: transactions left out; with `transactions` these are all there are.
        findings: everything else that is odd.
    """

    identifier: str
    line: int
    reporting: Organisation = Organisation()
    secondary_reporter: bool | None = None
    title: tuple[Narrative, ...] = ()
    description: tuple[Narrative, ...] = ()
    lang: str = ""
    default_currency: str = ""
    hierarchy: str = ""
    humanitarian: bool | None = None
    status: str = ""
    dates: tuple[ActivityDate, ...] = ()
    participants: tuple[Participant, ...] = ()
    sectors: tuple[Coded, ...] = ()
    policy_markers: tuple[PolicyMarker, ...] = ()
    recipient_countries: tuple[Coded, ...] = ()
    recipient_regions: tuple[Coded, ...] = ()
    default_flow_type: str = ""
    default_finance_type: str = ""
    default_aid_types: tuple[Coded, ...] = ()
    default_tied_status: str = ""
    conditions: Conditions = Conditions()
    related: tuple[RelatedActivity, ...] = ()
    budgets: tuple[Budget, ...] = ()
    planned: tuple[PlannedDisbursement, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    refused: tuple[Refusal, ...] = ()
    findings: tuple[Finding, ...] = ()


def content_digest(transaction: Transaction) -> bytes:
    """Return SHA-256 over everything the publisher said of a transaction, its place left aside.

    Twins have one digest; together with their rank among equals it identifies a transaction that
    carries no reference.
    """
    placeless = replace(transaction, ordinal=0, line=0)
    return sha256(_CANONICAL.encode(placeless)).digest()
