"""Verification, the table of calls and applications; `verify_verbs` says how it is read."""

TABLE = """
party.attest
  attestation new|any|reversed>in-force *

attestation.withdraw
  attestation in-force>withdrawn

waiver.sign
  waiver new>signed

waiver.revoke
  waiver signed>revoked

contest.open
  contest new|reversed|withdrawn>open *

contest.withdraw
  contest open>withdrawn
  condition? proposed|open>proposed|open contest contested_by

contest.assign
  contest open>open owner_key

contest.answer
  contest open>upheld|dismissed answered_by answered_in
  application? declined>submitted decided_by decided_on decided_in

fund.set-standards
  standards new|set|reversed>set *

call.draft
  call new>draft

call.revise
  call draft|consultation>draft|consultation funding_window title places themes types levels small_grants opens_on closes_on minimum_minor ceiling_minor budget_minor applications_maximum ask_to_budget_percent gewe_percent marker_floor sections written_in drafted_by

call.consult
  call draft|consultation>consultation comments_from comments_until

call.publish
  call draft|consultation>published published_by

call.close
  call published>closed

call.cancel
  call draft|consultation|published>cancelled

comment.make
  comment new>made

comment.answer
  comment made>answered outcome answered_in

application.draft
  application new>draft

application.revise
  application draft>draft partners title aid amount_minor total_minor budget co_financing places themes lines pillars phase track starts_on ends_on markers sections written_in

application.consent
  application draft>draft partners

application.submit
  application draft>submitted submitted_by submitted_on
  decision new>made

application.withdraw
  application draft|submitted>withdrawn

application.classify
  application any>any markers

application.decide
  application submitted>approved|declined decided_by decided_on decided_in
"""  # noqa: E501  # a noun a line
