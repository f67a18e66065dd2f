"""Verification, the table: every verb, what it may set, and what it may move.

Written from the accounting rules' table of events, not from the code that posts them; a new verb
is unknown to verification until it has its entry here. `verify_verbs` says how it is read.
"""

TABLE = """
party.register
  party new>registered

party.set-risk
  party registered>registered at_risk mask

fund.open
  fund new>open

fund.set-period
  fund open>open open_from open_until fiscal_year_start

fund.set-disbursing
  fund open>open advance_model review report_days

rate.record
  rate new|reversed>recorded *

account.open
  chart_account new>open

fund.open-balances
  opening_balance new|reversed>opened *

fund.convert
  conversion new>converted
  1100/1190 1190/1100 1190/4900 5900/1190 9399/9300 9300/9399

fund.revalue
  revaluation new>revalued
  1190/4900 5900/1190 9399/9300 9300/9399

period.close
  period new>closed
  fund open>open closed_until open_from open_until

pledge.announce
  pledge new>announced
  9100/9190:13

pledge.lapse
  pledge announced>announced|lapsed outstanding_minor
  9190/9100:-13

commitment.sign
  decision* new>made
  commitment new>signed
  application? approved>awarded commitment
  condition* new>open
  pledge? announced>announced|converted outstanding_minor
  1200/4100:11 1200/4110:11 1200/4120:11 1200/4130:11 1200/2100:11 9200/9290:11 9190/9100:-13
  9310/9320:2 5300/2300 1400/4600:11

commitment.amend
  commitment any>any amount_minor tranches conditional_minor deferred_minor
  decision? new>made
  9310/9320:2 5300/2300 1400/4600:11
  1200/4100:11 1200/4110:11 1200/4120:11 1200/4130:11 1200/2100:11 9200/9290:11

commitment.extend
  commitment any>any ends_on
  decision? new>made

commitment.suspend
  commitment signed|active>suspended halted

commitment.resume
  commitment suspended>signed|active|closed halted

commitment.terminate
  commitment signed|active|suspended>terminated halted amount_minor tranches
  allocation? approved>approved shares
  9320/9300:-2 2300/5300 4600/1400:-11

commitment.classify
  commitment any>any markers

condition.add
  condition new>proposed

condition.accept
  condition proposed>open accepted_by
  commitment? any>any tranches
  decision? new>made

condition.meet
  condition open>met settled_by settled_on

condition.waive
  condition open>waived settled_by settled_on

condition.assess
  condition any>any assessment assessed_by

condition.contest
  condition proposed|open>proposed|open contest contested_by
  contest new|reversed|withdrawn>open *

condition.answer
  condition proposed|open>proposed|open|lifted contest answered_by
  contest? open>upheld|dismissed answered_by answered_in

commitment.deobligate
  commitment any>any amount_minor tranches
  allocation approved>approved shares
  9320/9300:-2 2300/5300 4600/1400:-11

commitment.meet-conditions
  commitment any>any conditional_minor deferred_minor
  9290/9200 1200/4100 1200/4110 1200/4120 1200/4130 1200/2100

commitment.recognise
  commitment any>any deferred_minor
  2100/4100 2100/4110 2100/4120 2100/4130

commitment.reduce
  commitment any>any amount_minor conditional_minor deferred_minor reduced_minor from_balance_minor tranches
  9290/9200:-11 2100/1200:-11 3100/1200:-11 3200/1200:-11
  4100/1200:-11 4110/1200:-11 4120/1200:-11 4130/1200:-11

donor-refund.decide
  donor_refund new>decided
  commitment any>any amount_minor paid_minor deferred_minor reduced_minor from_balance_minor tranches
  2100/2400:-11 3100/2400:-11 3200/2400:-11 4100/2400:-11 4110/2400:-11 4120/2400:-11 4130/2400:-11
  9300/9399

donor-refund.pay
  donor_refund decided>paid paid_by paid_on
  2400/1100:-1

unidentified-receipt.record
  unidentified_receipt new>unidentified
  1100/2900

unidentified-receipt.identify
  unidentified_receipt unidentified>identified deposit
  deposit new>received
  commitment any>any paid_minor
  2900/1200:1 5900/1200 2900/4900:1 9399/9300

unidentified-receipt.return
  unidentified_receipt unidentified>returned
  2900/1100

interest.earn
  interest new>earned
  1100/4500:1 9399/9300

cost.pay
  cost new>paid
  5600/1100:4 5700/1100:4 9300/9340

in-kind.record
  in_kind new>recorded
  1200/4140:11 5800/1200:1

deposit.receive
  deposit new>received
  commitment any>any paid_minor
  1100/1200:1 5900/1200 1100/4900:1 9399/9300
  1100/1190 1190/1200:1 1190/4900:1

deposit.charge-fee
  deposit received>received fee_minor
  5400/1100:4 9300/9340
  5400/2500:4

allocation.approve
  decision* new>made
  allocation new>approved
  motion? carried>used used_by
  9300/9310

board.set
  board new|set>set *

board.seat
  seat new>held

board.vacate
  seat held>vacated

motion.propose
  motion new>open

vote.cast
  motion open>open votes

conflict.declare
  motion open>open votes

motion.close
  motion open>carried|lost votes

allocation.classify
  allocation any>any markers

allocation.return
  allocation approved>approved|returned shares
  9310/9300

disbursement.request
  decision* new>made
  disbursement new>requested
  commitment any>any tranches

disbursement.review
  disbursement requested>reviewed reviewed_by reviewed_on

disbursement.return
  disbursement requested|reviewed|approved>returned returned_by returned_on needs answer_by motion\
 reviewed_by reviewed_on approved_by approved_on
  9330/9320 2200/1300 2200/5100

disbursement.resubmit
  disbursement returned>requested resubmitted_by resubmitted_on needs answer_by

disbursement.reject
  disbursement requested|reviewed|returned|approved>rejected ended_by ended_on needs answer_by
  commitment any>any tranches
  9330/9320 2200/1300 2200/5100

disbursement.cancel
  disbursement requested|reviewed|returned|approved>cancelled ended_by ended_on needs answer_by
  commitment any>any tranches
  9330/9320 2200/1300 2200/5100

disbursement.approve
  decision* new>made
  disbursement requested|reviewed>approved approved_by approved_on motion
  motion? carried|used>used used_by
  9320/9330 1300/2200 5100/2200

disbursement.instruct
  decision* new>made
  disbursement approved>instructed instructed_by instructed_on bank_account
  1110/1100

disbursement.settle
  disbursement instructed>released released_by released_on report_by
  commitment any>any paid_minor accepted_minor
  2200/1110:3 2200/1110:7 2300/1110:3 9330/9340 1120/1400

disbursement.release
  decision* new>made
  disbursement approved>released released_by released_on bank_account report_by
  commitment any>any paid_minor accepted_minor
  2200/1100:3 2200/1100:7 2300/1100:3 9330/9340 1120/1400
  foreign_payment? new|reversed>paid *
  1190/1100 2200/1190:3 2300/1190:3 2200/1190:7 1190/4900 5900/1190 9399/9300 9300/9399

disbursement.bounce
  disbursement instructed|released>approved bounced_by bounced_on instructed_by instructed_on\
 released_by released_on bank_account report_by
  commitment? any>any paid_minor accepted_minor
  1100/1110 1100/2200:-3 1100/2200:-7 1100/2300:-3 9340/9330 1400/1120

disbursement.confirm
  disbursement released>confirmed confirmed_by confirmed_on short_minor\
 original_currency original_minor
  1100/1120:1 9399/9300

disbursement.resolve
  disbursement confirmed|reported>confirmed|reported short_minor charged_minor
  commitment? any>any accepted_minor claimed_minor lost_minor
  refund? new>due
  5700/1300 5700/5100 1500/1300 1500/5100 5700/1120 1100/1120:1 9399/9300

report.submit
  report new>submitted

report.question
  report submitted>questioned questioned_by questioned_on answer_by

report.answer
  report questioned>submitted asked_direct_minor asked_support_minor submitted_by submitted_on\
 answer_by documents

report.decide
  report submitted|questioned>accepted direct_minor support_minor rejected_minor evidence\
 decided_by decided_on answer_by
  commitment? any>any accepted_minor claimed_minor
  refund? new>due
  disbursement? confirmed|reported>reported reported_by reported_on
  5100/1300 5500/1300 1500/1300 1500/5100

report.accept
  report new>accepted
  commitment? any>any accepted_minor claimed_minor
  refund? new>due
  disbursement? confirmed|reported>reported reported_by reported_on
  5100/1300 5500/1300 1500/1300 1500/5100

write-off.propose
  write_off new>proposed

write-off.approve
  write_off proposed>approved decided_by decided_on
  commitment any>any lost_minor claimed_minor written_off_minor
  refund? due>written_off
  5950/1300 5950/1500 5950/1200

write-off.reject
  write_off proposed>rejected decided_by decided_on

refund.claim
  refund new>due
  commitment any>any claimed_minor accepted_minor
  1500/1300 1500/5100

refund.receive
  refund due>received counterpart
  commitment any>any refunded_minor
  allocation approved>approved shares
  1100/1500:-3 9340/9300

entry.post

payload.erase

trail.rotate-key

trail.note-heads

bank.import
  bank_statement new|reversed>open|matched *

bank.match
  bank_statement open|matched>open|matched lines matches opening_match

bank.unmatch
  bank_statement open|matched>open|matched lines matches opening_match

key.create
  api_key new>active

key.revoke
  api_key active>revoked

link.create
  status_link new>active

link.revoke
  status_link active>revoked

import.party
  party new|reversed>registered *

import.activity
  fund? new|open|reversed>open *
  reported_activity? new|reported|reversed>reported *

import.transaction
  reported_transaction new|withdrawn|reversed>reported *

import.withdraw
  reported_transaction reported>withdrawn

import.finish
  import new|finished|reversed>finished *
"""  # noqa: E501  # a noun a line
