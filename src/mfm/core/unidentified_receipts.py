"""Unidentified receipts: money at the bank that nobody can place yet (2900, in suspense)."""

from datetime import date

from msgspec import structs

from mfm.core.commitments import Commitment
from mfm.core.contributions import must_be_contribution
from mfm.core.deposits import Deposit, Rate, RateSource, credit, settled, worth
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, minor
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text


class UnidentifiedReceipt(Noun, frozen=True, kw_only=True):
    """Money received from somebody, for something, unknown.

    Attributes:
        fund: whose bank account it reached.
        bank_account: which one.
        currency: the fund's.
        amount_minor: what it was worth in the fund's currency on receipt.
        original_currency: as sent.
        original_minor: as sent, minor units of `original_currency`.
        rate: the rate used, or "".
        rate_source: where the rate is from, or "".
        deposit: the deposit it turned out to be, or "".
    """

    fund: str
    bank_account: str
    currency: str
    amount_minor: int
    original_currency: str
    original_minor: int
    rate: str = ""
    rate_source: str = ""
    deposit: str = ""


class RecordUnidentifiedReceipt(Command, frozen=True, kw_only=True):
    """Record money received that cannot be placed yet."""

    id: Id | None = None
    fund: Id
    amount: Money
    bank_account: Id = "main"
    rate: Rate | None = None
    rate_on: date | None = None
    rate_source: RateSource = ""
    effective_on: date | None = None
    description: Text = ""


class IdentifyUnidentifiedReceipt(Command, frozen=True, kw_only=True):
    """Place a receipt: it is a deposit under a contribution.

    `deposit` is the id of the deposit it becomes; `settles` as for a deposit.
    """

    receipt: Id
    commitment: Id
    deposit: Id | None = None
    settles: Money | None = None
    effective_on: date | None = None
    reason: Text = ""


class ReturnUnidentifiedReceipt(Command, frozen=True, kw_only=True):
    """Send a receipt back to where it came from."""

    receipt: Id
    effective_on: date | None = None
    reason: Text = ""


def record(act: Act, command: RecordUnidentifiedReceipt, receipt_id: str, fund: Fund) -> Draft:
    """Record a receipt: 1100 / 2900. It gives no authority and is nothing in IATI yet.

    Raises:
        Invalid: `rate-missing`, `rate-needless`, `rate-malformed`.
    """
    receipt = UnidentifiedReceipt(
        id=receipt_id,
        status="unidentified",
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        amount_minor=worth(command.amount, command.rate, fund),
        original_currency=command.amount.currency,
        original_minor=minor(command.amount),
        rate=command.rate or "",
        rate_source=command.rate_source,
    )
    bank = ("1100", command.bank_account)
    posting = fund.move(bank, ("2900", receipt_id), receipt.amount_minor)
    return Draft(effective_on=act.on, sets=(receipt,), postings=(posting,))


def identify(
    act: Act,
    command: IdentifyUnidentifiedReceipt,
    deposit_id: str,
    nouns: tuple[UnidentifiedReceipt, Commitment],
    fund: Fund,
) -> Draft:
    """Record a receipt as a deposit: 2900 (4900 or 5900) / 1200, IATI 1, and 9399 / 9300.

    Raises:
        Invalid: `commitment-kind`, `contribution-other`, `rate-needless`.
        Refused: `unidentified-receipt-state`, `conditions-unmet`; `balance-floor` (by the journal)
            when more is settled than is owed.
    """
    receipt, commitment = nouns
    _must_be_open(receipt)
    must_be_contribution(commitment)
    if commitment.to_fund != receipt.fund:
        detail = f"Contribution {commitment.id} is to fund {commitment.to_fund}, not {fund.id}."
        raise Invalid("contribution-other", detail, "/commitment")
    deposit = Deposit(
        id=deposit_id,
        status="received",
        commitment=commitment.id,
        fund=fund.id,
        bank_account=receipt.bank_account,
        currency=fund.currency,
        amount_minor=receipt.amount_minor,
        settled_minor=receipt.amount_minor,
        original_currency=receipt.original_currency,
        original_minor=receipt.original_minor,
        rate=receipt.rate,
        rate_source=receipt.rate_source,
    )
    deposit = structs.replace(deposit, settled_minor=settled(deposit, command.settles, fund))
    draft = credit(act, deposit, commitment, fund, ("2900", receipt.id))
    identified = structs.replace(receipt, status="identified", deposit=deposit_id)
    return structs.replace(draft, sets=(*draft.sets, identified))


def return_(act: Act, receipt: UnidentifiedReceipt, fund: Fund) -> Draft:
    """Record that a receipt was sent back: 2900 / 1100.

    Raises:
        Refused: `unidentified-receipt-state`.
    """
    _must_be_open(receipt)
    bank = ("1100", receipt.bank_account)
    posting = fund.move(("2900", receipt.id), bank, receipt.amount_minor)
    returned = structs.replace(receipt, status="returned")
    return Draft(effective_on=act.on, sets=(returned,), postings=(posting,))


def _must_be_open(receipt: UnidentifiedReceipt) -> None:
    if receipt.status != "unidentified":
        detail = f"Receipt {receipt.id} is {receipt.status} already."
        raise Refused("unidentified-receipt-state", detail, "/receipt")
