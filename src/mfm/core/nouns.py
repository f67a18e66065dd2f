"""The nouns, by the name they have in tables, records and addresses."""

import re

from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.imports import Import
from mfm.core.keys import ApiKey
from mfm.core.parties import Party
from mfm.core.pledges import Pledge
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reported import ReportedActivity, ReportedTransaction
from mfm.core.reports import Report

_ALL: tuple[type[Noun], ...] = (
    Party,
    Fund,
    Pledge,
    Commitment,
    Deposit,
    Allocation,
    Disbursement,
    Report,
    Refund,
    ApiKey,
    ReportedActivity,
    ReportedTransaction,
    Import,
)


def kind_of(noun: type[Noun]) -> str:
    """Return a noun's name in tables and records: ApiKey -> api_key."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", noun.__name__).lower()


NOUNS: dict[str, type[Noun]] = {kind_of(noun): noun for noun in _ALL}
KINDS: dict[type[Noun], str] = {noun: kind for kind, noun in NOUNS.items()}
