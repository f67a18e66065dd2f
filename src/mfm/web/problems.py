"""Problems (RFC 9457): one table of codes, with their status and what to do next."""

from typing import NamedTuple

from msgspec import Struct

from mfm.core.errors import Problem

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
"""A problem's `type` is this and its code: a reference to its own page (RFC 9457, 3.1.1)."""


class Kind(NamedTuple):
    """A kind of problem: its HTTP status, its title, and the next step."""

    status: int
    title: str
    next: str


class ProblemError(Struct, frozen=True):
    """One fault in the request: where, and what."""

    pointer: str
    detail: str
    code: str


class ProblemDocument(Struct, frozen=True, omit_defaults=True):
    """A problem on the wire.

    Attributes:
        type: reference to the page about this kind.
        title: the kind, in words.
        status: HTTP status.
        code: the kind, stable.
        detail: this case.
        next: what to do.
        instance: the path asked for.
        errors: the fields at fault.
        record: the refusal's record, where the rules decided.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    next: str
    instance: str = ""
    errors: tuple[ProblemError, ...] = ()
    record: int = 0


def _table(text: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for line in text.strip().splitlines():
        code, status, title, step = (part.strip() for part in line.split("|"))
        kinds[code] = Kind(int(status), title, step)
    return kinds


KINDS: dict[str, Kind] = _table("""
json-duplicate-key     | 400 | A key stands twice in one object | Say each key once; which of the two counts would be a guess.
json-malformed         | 400 | The body is not JSON | Send UTF-8 JSON; numbers cannot be NaN or Infinity.
utf8-invalid           | 400 | The body is not UTF-8 | Encode the body as UTF-8.
field-invalid          | 422 | A field has the wrong form | Mend the field that the pointer names.
field-missing          | 422 | A field is missing | Add the field.
field-unknown          | 422 | A field is not known | Remove the field, or look its name up in the reference.
float-refused          | 422 | A number stands where a string belongs | Send amounts and rates as decimal strings, such as "68174.00".
path-differs           | 422 | The body contradicts the path | Leave the field out of the body; the path names it.
query-invalid          | 400 | A query parameter is wrong | Mend the parameter; the reference lists them.
cursor-invalid         | 400 | The cursor is not ours | Start the list again without a cursor; cursors are not made by hand.
key-missing            | 400 | The idempotency key is missing | Send an Idempotency-Key header, a fresh one for each new request.
key-malformed          | 400 | The idempotency key has the wrong form | Use 1 to 200 visible ASCII characters, such as a UUID.
key-reused             | 409 | The idempotency key was used for something else | Use a fresh key for a new request; repeat the old body to see the old answer.
if-match-malformed     | 400 | If-Match has the wrong form | Send the ETag as it was given, in double quotes.
if-match-needless      | 400 | If-Match does not apply | Leave If-Match out where something new is made.
stale                  | 412 | Somebody changed it since you read it | Read it again, then decide again.
key-unknown            | 401 | The API key is not in force | Send Authorization: Bearer with a key that is known, unexpired and not revoked.
role-not-allowed       | 403 | This role may not do this | Ask somebody whose role may; the detail names them.
fund-not-allowed       | 403 | This key is for another fund | Use a key for this fund.
party-not-allowed      | 403 | This is another party's | Only the party it concerns may do this.
not-found              | 404 | There is no such thing | Check the id.
route-unknown          | 404 | There is no such address | Look the address up in the reference at /docs.
method-not-allowed     | 405 | This address does not take this method | Use a method from the Allow header.
body-too-large         | 413 | The body is too large | Send less at once: at most 8 MiB, and 8,192 entries a batch.
batch-too-large        | 413 | The batch is too large | Split it: at most 8,192 entries a batch.
media-type-unsupported | 415 | The body's type is not JSON | Send Content-Type: application/json.
overloaded             | 429 | The ledger is busy | Wait as long as Retry-After says, then repeat with the same key.
refused-too-often      | 429 | Too many refused attempts | Wait as long as Retry-After says; find out why the requests are refused.
unavailable            | 503 | The database does not answer | Repeat the request with the same key; nothing is done twice.
internal               | 500 | Something is wrong on our side | Repeat with the same key; if it stays, tell the operator the request id.
request-refused        | 400 | The request cannot be understood | Mend the request as the detail says.
id-taken               | 409 | The id is taken | Choose another id, or leave it out.
party-exists           | 409 | The organisation is known already | Use the party that the detail names.
country-unknown        | 422 | There is no such country | Use a code of ISO 3166-1 alpha-2, such as KE; a part of it as KE-30.
identifier-malformed   | 422 | The identifier identifies no organisation | Write it as its register has it, such as GB-COH-294860, or leave it out.
fund-exists            | 409 | The fund is known already | Use the fund that has this identifier.
total-below-ask        | 422 | The whole costs less than is asked for | Name as total what the whole costs with everybody's money, or leave it out.
time-zone-unknown      | 422 | The time zone is not known | Use an IANA name, such as Africa/Nairobi.
currency-unknown       | 422 | The currency is not known | Use an ISO 4217 code.
currency-not-fund      | 422 | The fund keeps its books in another currency | State the amount in the fund's currency.
amount-malformed       | 422 | The amount is not a decimal number | Write digits and at most one point: 68174.00.
amount-negative        | 422 | The amount is below zero | State a positive amount; the verb gives the direction.
amount-zero            | 422 | The amount is zero | State an amount above zero.
amount-precision       | 422 | The amount has too many decimals | Use no more decimals than the currency has.
amount-too-large       | 422 | The amount is too large | The ledger counts to 9,223,372,036,854,775,807 minor units.
rate-malformed         | 422 | The rate is not a positive decimal number | Write it with at most 30 decimals: 1.10, or 1/655.957.
rate-absurd            | 422 | No currencies are this far apart | Look at the rate again: a decimal separator may be lost.
rate-ambiguous         | 422 | Several have published this rate | Name the one that you use in rate_source.
exchange-none          | 409 | There is no money in another currency | Revalue a fund that keeps some.
exchange-late          | 409 | The foreign money moved after that day | Revalue as of a day after its last movement.
conversion-currency    | 422 | The currencies do not fit | State one side in the fund's currency and the other in another.
paid-differs           | 422 | What was paid is not what is owed | State the amount paid, and its agreed rate into the fund's currency.
paid-abroad            | 409 | The payment was made in another currency | Take back the record that the detail names.
bank-account-currency  | 422 | The bank account is in another currency | Name a bank account of this currency.
rate-recorded          | 409 | This rate is recorded already | Use it; if it is wrong, take its record back first.
rate-missing           | 422 | The rate is missing | State the rate into the fund's currency, and its source.
rate-implausible       | 409 | The amounts are too far from the rate | Look at both amounts, or have the rate of the day recorded first.
settles-implausible    | 409 | The deposit settles too much or too little | Settle what it is worth, and use commitment.reduce or write-off.propose for the rest.
rate-needless          | 422 | A rate does not apply | Leave rate and settles out for a deposit in the fund's own currency.
commitment-sides       | 422 | The commitment's sides do not fit | Name from_party and to_fund, from_fund and to_fund, or from_fund and to_party.
commitment-kind        | 422 | This verb is for another kind of commitment | Use the verb for this kind; the detail names it.
commitment-allocation  | 422 | A contribution draws on no allocation | Leave allocation out.
source-differs         | 422 | Two fields name different sources | Leave contribution out, or let it say the same as source_kind.
dates-backwards        | 422 | The agreement ends before it begins | Set ends_on on or after starts_on.
attestation-value      | 422 | The kind takes another value | Use a value that the detail names.
attestation-dates      | 422 | The attestation's days cannot be | Say when it was verified, not later than today, and until when it is valid.
attestation-contact    | 422 | That is no contact of this kind | Tell it as the contact, in the form that the detail names.
attestation-state      | 409 | The attestation is withdrawn already | Nothing to do.
gate-unknown           | 422 | Policies are not asked about this | Name a verb that the detail lists.
policy-refuses         | 409 | The fund's policies refuse this | Do what the detail says for each reason, and try again; no waiver lifts a refusal.
policy-incomplete      | 409 | The fund's policies need facts that are missing | Provide what the detail names. In brackets: a kind that another party attests (party.attest), or a field of this request.
policy-approval        | 409 | The fund's policies hold this for approval | Do what the detail says, or have another key of the role in brackets sign a waiver (waiver.sign) for these rules.
waiver-past            | 422 | The waiver would be over already | Name a day to come.
contest-state          | 409 | The contest is at another step | Nothing is contested twice; see what became of it.
contest-subject        | 409 | This cannot be contested so | Contest a decision that concerns you, or an application that was declined; a condition with condition.contest.
contest-owner          | 409 | The answer is for somebody else | Leave it to the role or key that the detail names, or have another key named.
waiver-state           | 409 | The waiver is revoked already | Sign a new one.
call-dates             | 422 | The call's days contradict each other | Mend the day that the pointer names.
call-amounts           | 422 | The call's amounts contradict each other | Keep the minimum within the ceiling, and the ceiling within the budget.
call-state             | 409 | The call is at another step | A call is revised before it is published, and takes applications once it is.
call-consulting        | 409 | Comments on the draft are still open | Publish once the day that the detail names is over.
call-past              | 409 | The call's last day is over | Revise its days first.
call-closed            | 409 | The call takes nothing today | See on which days it is open in the detail.
call-other             | 422 | The call is another fund's | Name a call of this fund.
comments-closed        | 409 | The draft takes no comments | Comment while the call's draft is open for comments.
overlap-known          | 409 | The case knows of this already | Nothing to do.
overlap-pair           | 422 | These are no two things that a detector compares | Name a detector and two ids that the detail asks for, the lesser first.
overlap-party          | 422 | The case does not concern this party | Name a party of the case.
overlap-outcome        | 422 | The outcome does not fit the case | Use an outcome for what the case is about; a merge names the party that stays.
overlap-state          | 409 | The case is at another step | See its status; a decided case is opened again with overlap.reopen.
overlap-unheard        | 409 | Those concerned may still answer | Wait for their answers, or until the day that the detail names.
overlap-one-fund       | 409 | Both who decide are of one fund, and others are concerned | Have somebody of another fund that the case concerns say the same, or whose key is for all funds.
overlap-half-seen      | 409 | The key sees one side of the case alone | Have somebody decide whose key is for both funds, or for none alone.
sharing-funds          | 422 | The agreement is not between two funds | Name another fund as to_fund.
sharing-state          | 409 | The agreement is at another step | See its status; one that ended is proposed anew.
party-merged           | 409 | One of the two is merged already | Open that case again first, which parts them.
comment-answered       | 409 | The comment is answered already | Nothing to do; see what became of it.
application-state      | 409 | The application is at another step | See where it stands; only a draft is changed, and only what was submitted is decided on.
application-other      | 422 | The application is for another grant | Name an approved application of this grantee to this fund.
application-exceeded   | 409 | The grant is more than was asked for | Sign at most what the application asks for.
partner-repeated       | 422 | A partner is named twice | Name each partner once, and the lead not among them.
partner-unknown        | 422 | This is no partner in the application | Name a partner of the application.
budget-party           | 422 | A part of the budget is held by somebody else | Name the lead or one of the partners.
budget-differs         | 409 | The budget is not what is asked for | Make the parts of the budget sum to the amount.
dates-missing          | 409 | The application has no dates | Say on which day it starts and on which it ends.
consent-missing        | 409 | A partner has not consented | Ask the partners that the detail names to consent, each with a key of its own.
schedule-too-large     | 422 | The schedule does not fit into a record | Use fewer tranches, shorter ids or fewer dates; a second agreement holds the rest.
score-unknown          | 422 | The scheme has no such score | Use a score of the scheme; the detail lists them.
amendment-empty        | 422 | The amendment changes nothing | State a larger amount, another schedule, or both.
amendment-down         | 409 | An amendment does not take away | Use the verb that the detail names.
extension-backwards    | 409 | The new end is not after the old one | Name a later day.
commitment-halted      | 409 | The commitment is suspended or terminated | Resume it first, if it was suspended.
commitment-state       | 409 | The commitment is at another step | See its status in the detail.
earmark-not-met        | 409 | This money is earmarked for something else | Draw on money whose earmark admits this, or say along every dimension what it is for.
receiver-only          | 403 | Only who gets the money may do this | Let the receiver do it, with a key of its own.
condition-state        | 409 | The condition is at another step | See its status in the detail.
condition-unmet        | 409 | A condition of the tranche is neither met nor waived | Have it met or waived by somebody who did not ask for the tranche.
condition-contested    | 409 | The contest of the condition is at another step | A condition is contested once, and answered once.
condition-private      | 409 | Private money comes without such conditions | Leave the condition out; only fiduciary ones are allowed.
allocation-missing     | 422 | The allocation is missing | Name the allocation that the agreement draws on.
allocation-other       | 422 | The allocation is another fund's | Name an allocation of the fund that gives.
contribution-other     | 422 | The contribution is another fund's | Name a contribution to the fund whose bank account the money reached.
contribution-only      | 422 | Only contributions are conditional, recognised later or of a source | Leave conditional, recognition and source_kind out of a transfer or grant.
pledge-other           | 422 | The pledge is somebody else's | Name a pledge of this donor to this fund.
tranches-differ        | 422 | The tranches do not sum to the amount | Make the tranches sum to the agreed amount.
tranche-unknown        | 422 | There is no such tranche | Use a number from the commitment's schedule.
shares-differ          | 422 | The shares do not sum to the amount | Name each contribution once; the shares sum to the amount.
risk-unchanged         | 409 | The party's risk is already as told | Nothing to do.
export-empty           | 409 | There is nothing to export | Open a fund or import a file first.
account-unknown        | 422 | The account is not in the chart | Use a code from the chart of accounts.
account-code           | 422 | No account can be added under this code | Use a code of the chart that the detail names, a dash and two or three digits.
opening-subject        | 422 | This account is opened under one subject | Leave the subject out.
opening-late           | 409 | The books hold money already | Opening balances come first; post vouchers now.
account-controlled     | 422 | This account is kept by the verbs | Use the verb that keeps it, such as disbursement.approve.
line-refused           | 422 | A line of the file has another form | Mend the line that the detail names.
line-sides             | 422 | A line has two sides or none | Give each line either a debit or a credit.
entry-unbalanced       | 422 | The entry does not balance | Make debits equal credits in each book.
entry-cross-currency   | 422 | The entry has more than one currency | Post one entry a currency.
entry-circular         | 422 | An account faces itself | Leave lines out that cancel each other.
fund-reported          | 422 | These are imported books | Import a corrected file instead.
group-split            | 422 | A linked group is torn apart | Put the items of a group next to each other.
linked-failed          | 422 | A linked item failed | Mend the item at fault, and post the group again with fresh keys.
record-too-large       | 422 | The record would be too large | Use fewer lines or tranches, or shorter names.
posting-mixed          | 422 | These accounts cannot face each other | Keep each posting in one fund, book, currency and memo group.
cash-without-authority | 422 | Cash and authority would part | Add the lines of the other book: cash moves with 9300 to 9340 or a liability.
balance-floor          | 409 | The account does not hold this much | See what it holds in the detail; ask for less, or fund it first.
balance-overflow       | 409 | The account cannot count this high | Split the books.
period-closed          | 409 | The day is outside the fund's open period | Use a day in the open period, or have the administrator open it.
period-final           | 409 | These days are closed for good | Date the correction in the open period.
period-running         | 409 | The period is not over | Close it once its last day has passed.
period-spans           | 409 | A fiscal year ends within these days | Close the year that ended first.
date-ahead             | 422 | The day lies too far ahead | Check the year: what is so is dated at most 31 days ahead, what is due at most 50 years.
day-uncovered          | 409 | It was not there on that day | Date it when the money was there, or record first how it came.
decision-missing       | 422 | The decision is missing | Name by which decision what is not signed is carried forward.
designation-exceeded   | 409 | The unrestricted balance is not this much | Designate at most what the detail names, or leave designate out.
designation-early      | 422 | A reserve is designated at the year's end | Leave designate out, or close up to the last day of the fiscal year.
period-backwards       | 422 | The period ends before it begins | Set open_until on or after open_from.
four-eyes              | 409 | The same person cannot do two steps | Let another person, with a key of their own, take this step.
documents-many         | 422 | More documents than a report or cost names | Name the ones that prove it; put the rest into one file.
disbursement-state     | 409 | The disbursement is at another step | Take the step that is next; the detail tells where it stands.
disbursement-other     | 422 | The disbursement is of another commitment | Name a disbursement of this commitment, or none.
confirm-exceeds        | 409 | More arrived than was sent | Confirm at most what the detail names; what is more is another payment.
credited-needless      | 422 | The other currency does not apply | Tell what arrived in the payment's own currency as received.
difference-none        | 409 | There is no difference to resolve | Nothing to do.
report-overlap         | 409 | This cost was found charged twice, and another report bears it | Question the report, and decide once it is answered; or accept nothing of it.
report-state           | 409 | The report is at another step | A report is questioned or decided once it is submitted, and answered once it is questioned.
report-exceeded        | 409 | More is decided than was reported | Accept and reject at most what the report asks for.
write-off-what         | 422 | It is not clear what is written off | State an amount of the grant's open advance, or name one of its refunds; of a contribution, what its donor owes.
write-off-state        | 409 | The write-off is decided already | Propose another one if there is more to give up.
refund-state           | 409 | The refund is at another step | A refund is received or written off once, after it was claimed.
donor-refund-state     | 409 | The donor refund is at another step | A refund to a donor is paid once, after it was decided.
unidentified-receipt-state | 409 | The receipt is placed or returned already | See where it went in its status and deposit.
contribution-exceeded  | 409 | The contribution does not hold this much | Use at most what the detail names.
conditions-unmet       | 409 | A part of the contribution is still conditional | Record with commitment.meet-conditions that its conditions are met, then receive it.
step-backwards         | 409 | The day is before the last step's | Use that day or a later one; a wrong day is mended by taking its record back.
tranche-conditioned    | 409 | The tranche has conditions | Keep the tranche in the schedule, or have its conditions met or waived first.
tranche-taken          | 409 | The tranche is taken | Use a free tranche; see the commitment's schedule.
tranche-empty          | 409 | Nothing is left of the tranche | It was de-obligated; use another tranche.
pledge-exceeded        | 409 | The pledge does not hold this much | Use at most what is outstanding.
pledge-ended           | 409 | The pledge has ended | Announce a new pledge.
authority-exceeded     | 409 | The fund has not this much unallocated | Allocate at most what the detail names.
allocation-exceeded    | 409 | The allocation does not hold this much | Return at most what it holds.
advance-exceeded       | 409 | More than was paid and is open | Report or claim at most what the detail names.
fee-charged            | 409 | The fee is charged already | Nothing to do.
fee-zero               | 409 | The fee is nothing | Nothing to do.
majority-malformed     | 422 | This is no majority | State from a half (1/2) to the whole (1/1), in whole numbers.
term-backwards         | 422 | The term ends before it begins | Set until on or after since.
motion-matter          | 422 | A motion is about one thing | State an amount to allocate, or name a disbursement of the fund.
motion-state           | 409 | The motion is closed | Propose a new motion.
motion-early           | 409 | The motion may not be closed yet | Close it on the day that the detail names, or later.
quorum-missing         | 409 | There is no quorum | Let more seats vote, then close the motion again; it stays open.
seat-other             | 409 | The seat is on another fund's board | Use a seat on this fund's board.
seat-vacant            | 409 | The seat is vacant | Have the administrator seat somebody.
seat-expired           | 409 | The seat's term does not cover today | Have the administrator seat somebody for a new term.
seat-recused           | 409 | The seat has a conflict of interest | It takes no part in this vote; the others decide.
conflict-of-interest   | 409 | The seat's holder is to be paid | Declare the conflict of interest instead of voting.
vote-missing           | 409 | The board has not carried this | Propose a motion, let the board vote, and name the carried motion.
vote-other             | 409 | The motion is about something else | Name a motion carried for just this, or propose one.
vote-used              | 409 | The motion was used already | Propose a new motion; each decides one thing.
link-revoked           | 409 | The link is revoked already | Nothing to do.
key-revoked            | 409 | The key is revoked already | Nothing to do.
record-empty           | 409 | There is nothing to take back | Only accepted records that moved or set something are reversed.
record-reversed        | 409 | It is taken back already | Nothing to do; see the record that the detail names.
record-final           | 409 | This record is not taken back | Use the verb that the detail names.
record-needed          | 409 | Something needs what this record made | Take back what the detail names first.
erasure-fields         | 422 | These are not the record's texts | Name each of the record's own texts once; the detail lists them.
erasure-done           | 409 | The text is erased already | Nothing to do.
heads-funds            | 422 | A fund is named twice | Name each fund once.
rotation-key           | 422 | This is no key of the log | Use `mfm trail rotate-key`, which makes the new key.
rotation-stale         | 409 | Another key is in force | Wait until the last change is sealed, then ask again.
journal-restored       | 503 | The journal was restored from an older copy | Restore a newer copy; see docs/how-to/restore.md.
journal-replaced       | 503 | This is not the journal that was signed | Put the signed journal back; see docs/how-to/restore.md.
record-superseded      | 409 | Something stands on this record | Take the later record back first; the detail names it.
chain-ambiguous        | 409 | Several things have this id | Put the kind before it, as the detail says: fund:x, party:x or commitment:x.
chain-currencies       | 422 | The chain begins in several currencies | Choose one of those that the detail names.
chain-too-large        | 422 | The chain is too large to be traced at once | Begin nearer: with a commitment, or a fund further down.
not-sealed             | 409 | The record is not sealed yet | Wait as long as Retry-After says, then ask again; or send Prefer: wait=5.
anchor-differs         | 422 | The timestamp is of something else | Keep it with the size that it was asked for.
anchor-malformed       | 422 | This is no timestamp response | Give the authority's answer as it came (RFC 3161, .tsr).
anchor-older           | 422 | The timestamp is older than what it covers | Set the clock of this machine, or ask another authority.
anchor-refused         | 502 | The authority granted no timestamp | Ask it why, or ask another.
checkpoint-unknown     | 404 | There is no such checkpoint | Use a size that was sealed.
compare-logs           | 422 | These are of two logs | Compare what is of one log.
compare-signature      | 422 | The log did not sign this | Ask who gave it to you where it is from.
compare-unreadable     | 422 | This cannot be compared | Give a checkpoint, an export or a receipt.
cosignature-unknown    | 422 | No known witness made this line | Have the policy name the witness, and give the size that it cosigned.
counterpart-own        | 422 | The counterpart is a record of this trail | Name a record of the other mechanism's; make one with `mfm init --origin` where both are named alike.
counterpart-taken      | 409 | Something was received by that record already | See what the detail names; take it back first if it was wrong.
mechanism-origin       | 422 | The trail's name has the wrong form, or is taken | Use a name such as fund.example.org/trail, which no other mechanism has.
policies-adopted       | 409 | The policies are adopted already | Draft the next version of one instead.
policy-cases-fail      | 409 | The policy's cases do not come out | Mend the policy or its cases; the detail names them.
policy-overlap         | 409 | Another version is in force on one of these days | Let it begin after the one before.
policy-retroactive     | 409 | The policy would count from before today | Let it begin today or later, or say in the file who approved that, and why.
policy-state           | 409 | The policy is at another step | Take the step that is next: draft, test, approve, activate; what is approved already is changed by its next version.
policy-faulty          | 422 | The policy file has faults | Mend the lines that the detail names, each with what is wrong.
policy-malformed       | 422 | The policy is not understood | Mend the line that the detail names.
proof-fails            | 422 | The proof does not hold | Ask for the proof between these two sizes, or for an export.
proof-missing          | 422 | A proof is needed | Add what the detail names.
proof-size             | 422 | There is no such older tree | Use a size from 0 to the newest checkpoint's.
record-altered         | 500 | A record is not what was written | Stop, keep the database as it is, and run mfm verify --database.
remote-silent          | 502 | The other service does not answer | Try again; else use files.
remote-url             | 422 | This is no address to ask | Use an http or https address.
signer-busy            | 409 | Another process signs | Stop it, or let it go on.
signer-fork            | 500 | The signer will not sign another history | Stop, and run mfm verify --database.
signer-key             | 500 | The signing key is not as it must be | Do what the detail says.
signer-regress         | 500 | The signer has signed more than this | Restore a newer copy; see docs/how-to/restore.md.
signer-state           | 500 | What was signed or seen last cannot be read | Do what the detail says.
trail-behind           | 409 | The newest records are not sealed yet | Repeat it in a second.
witness-ahead          | 409 | A witness has seen more than there is | Find out what was lost; see docs/how-to/restore.md.
witness-name           | 422 | The witness has no name yet | Give it one with --name.
witness-refused        | 502 | The witness did not cosign | Read why in the detail.
witness-request        | 422 | This is no checkpoint, or no proof | Give the files as the log wrote them.
trail-empty            | 404 | Nothing is sealed yet | Wait for the first checkpoint, or run mfm seal.
file-exists            | 409 | The file is there already | Name one that is not.
policy-missing         | 422 | Your policy is missing | Name it with --policy: the log's key, and your quorum of witnesses; `mfm trail policy` prints one to compare with what the operator published.
mechanism-name         | 422 | The mechanism's name has the wrong form | Use lower-case letters, digits, dot, dash and underscore.
mechanism-exists       | 409 | The mechanism exists | Choose another name.
mechanism-unknown      | 404 | There is no such mechanism | Make it with mfm init.
mechanism-ambiguous    | 400 | There are several mechanisms | Name one with --mechanism.
port-unusable          | 409 | The port cannot be used | Stop what serves there, or name another one with --port.
migration-needed       | 503 | The database is behind this release | Run mfm migrate with MFM_MIGRATION_URL.
file-unreadable        | 422 | The file cannot be read | Check the path and the permissions.
engine-missing         | 422 | The engine is not installed | Install the extra that the detail names, or leave --engine out.
file-unwritable        | 422 | The file cannot be written | Check the folder and the permissions.
file-compressed        | 422 | The file is compressed | Unpack it first.
xml-malformed          | 422 | The file is not well-formed XML | Mend the line that the detail names.
xml-encoding           | 422 | The file's encoding is broken | Save it as UTF-8.
xml-entities           | 422 | The file declares a document type | Remove the DOCTYPE; entities are not read.
xml-too-deep           | 422 | The file is nested too deeply | No IATI file is; check where it comes from.
xml-too-large          | 422 | A part of the file is too large | Split it; the detail names the part and the limit.
iati-not-activities    | 422 | This is no IATI activity file | Import a file whose root is iati-activities, or that wraps one.
iati-organisation-file | 422 | This is an IATI organisation file | Import the publisher's activity file.
iati-version           | 422 | This version of IATI is not read | Convert the file to IATI 2.03.
iati-schema            | 422 | The file breaks the schema | Mend the lines that the detail names.
schemas-unreadable     | 422 | The schemas cannot be read | Point --schemas at a folder with the IATI XSD files.
file-kind              | 422 | The file is of another kind | Save it as CSV (UTF-8) or XLSX.
file-too-large         | 413 | The file is too large | Split it.
spreadsheet-malformed  | 422 | The file is no sound spreadsheet | Save it again as .xlsx, without a password, or as CSV.
sheets-several         | 422 | It is not plain which sheet is meant | Save a workbook with one sheet that shows.
camt-other             | 422 | The file is no bank statement | Ask the bank for camt.053, or use a CSV or XLSX file.
balance-missing        | 422 | The statement lacks a balance | Ask the bank for a statement with opening and closing balance.
bank-accounts-several  | 422 | The file tells of several bank accounts | Give each account a file of its own.
statement-dates        | 422 | The statement's days contradict each other | Mend the day that the pointer names.
statement-page         | 422 | There is no such page | State a page from 1 to the number of pages.
statement-overlap      | 409 | A statement tells of these days already | Import a statement of other days, or take that one back first.
statement-order        | 409 | The later statement's opening balance is matched | Unmatch it, import this one, match again.
line-unknown           | 422 | The statement has no such line | Read the statement; its lines are numbered from 1.
line-matched           | 409 | The line is matched already | Unmatch it first.
line-unmatched         | 409 | The line is in no match | Read the statement again.
match-repeated         | 422 | A match names something twice | Name each line and each record once.
match-record           | 422 | The record moves nothing there | Name records that moved money at this bank account.
match-differs          | 409 | Bank and books differ | Match lines and records that come to the same amount.
match-opening          | 409 | This opening balance is no item | Only the first statement of an account brings a balance into the books.
record-matched         | 409 | The record is matched already | Unmatch it first.
export-too-large       | 413 | The list is too long for a sheet | Ask for it as csv or jsonl.
""")  # noqa: E501  # a code a line
"""Every code: what it means to a client, and to a person."""


def document(problem: Problem, instance: str = "", record: int = 0) -> ProblemDocument:
    """Return a problem as its document."""
    kind = KINDS.get(problem.code, KINDS["request-refused"])
    errors: tuple[ProblemError, ...] = ()
    if problem.pointer:
        errors = (ProblemError(problem.pointer, problem.detail, problem.code),)
    return ProblemDocument(
        type=TYPE_PREFIX + problem.code,
        title=kind.title,
        status=kind.status,
        code=problem.code,
        detail=problem.detail,
        next=kind.next,
        instance=instance,
        errors=errors,
        record=record,
    )
