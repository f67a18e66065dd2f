"""Verification, the table of cases of overlap; `verify_verbs` says how it is read."""

TABLE = """
overlap.open
  overlap_case new|open|coordinated|joint-funding|sequel|affiliate|not-a-duplicate>open *

overlap.explain
  overlap_answer new|given>given given_by written_in fund

overlap.decide
  overlap_case open>open|coordinated|joint-funding|sequel|affiliate|not-a-duplicate|confirmed|merged proposed proposed_by proposed_in survivor decided_by decided_on decided_in
  party? registered>registered merged_into

overlap.reopen
  overlap_case coordinated|joint-funding|sequel|affiliate|not-a-duplicate|confirmed|merged>open proposed proposed_by proposed_in survivor decided_by decided_on decided_in
  party? registered>registered merged_into

sharing.propose
  sharing_agreement new>proposed

sharing.agree
  sharing_agreement proposed>in-force agreed_by

sharing.end
  sharing_agreement proposed|in-force>ended ended_by
"""  # noqa: E501  # a noun a line
