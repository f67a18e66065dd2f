"""The nouns, by the name they have in tables, records and addresses."""

import re

from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.bank import BankStatement
from mfm.core.boards import Board, Seat
from mfm.core.calls import Call
from mfm.core.chart_accounts import ChartAccount
from mfm.core.comments import Comment
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.contests import Contest
from mfm.core.conversions import Conversion
from mfm.core.costs import Cost
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.donor_refunds import DonorRefund
from mfm.core.foreign_payments import ForeignPayment
from mfm.core.funds import Fund
from mfm.core.imports import Import
from mfm.core.in_kind import InKind
from mfm.core.interest import Interest
from mfm.core.judgements import Decision, Waiver
from mfm.core.keys import ApiKey
from mfm.core.links import StatusLink
from mfm.core.motions import Motion
from mfm.core.openings import OpeningBalance
from mfm.core.overlap_cases import OverlapAnswer, OverlapCase
from mfm.core.parties import Party
from mfm.core.periods import Period
from mfm.core.pledges import Pledge
from mfm.core.policies import Policy
from mfm.core.rates import Rate
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reported import ReportedActivity, ReportedTransaction
from mfm.core.reports import Report
from mfm.core.revaluations import Revaluation
from mfm.core.sharing import SharingAgreement
from mfm.core.standards import Standards
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.core.write_offs import WriteOff

_ALL: tuple[type[Noun], ...] = (
    Party,
    Rate,
    Period,
    ChartAccount,
    OpeningBalance,
    Conversion,
    ForeignPayment,
    Revaluation,
    Fund,
    Pledge,
    Commitment,
    Condition,
    Deposit,
    DonorRefund,
    UnidentifiedReceipt,
    Interest,
    Cost,
    InKind,
    Allocation,
    Board,
    Seat,
    Motion,
    Policy,
    Call,
    Comment,
    Application,
    OverlapCase,
    OverlapAnswer,
    SharingAgreement,
    Attestation,
    Standards,
    Decision,
    Waiver,
    Contest,
    Disbursement,
    Report,
    Refund,
    WriteOff,
    ApiKey,
    StatusLink,
    ReportedActivity,
    ReportedTransaction,
    Import,
    BankStatement,
)


def kind_of(noun: type[Noun]) -> str:
    """Return a noun's name in tables and records: ApiKey -> api_key."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", noun.__name__).lower()


NOUNS: dict[str, type[Noun]] = {kind_of(noun): noun for noun in _ALL}
KINDS: dict[type[Noun], str] = {noun: kind for kind, noun in NOUNS.items()}
