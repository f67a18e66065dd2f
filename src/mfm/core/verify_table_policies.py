"""Verification, the table of policies; `verify_verbs` says how it is read."""

TABLE = """
policy.draft
  policy new|draft|tested|simulated>draft *

policy.test
  policy draft|tested|simulated>tested cases

policy.simulate
  policy tested|simulated>simulated simulation

policy.approve
  policy simulated>approved approved_by

policy.activate
  policy* approved|active>active|superseded activated_by activated_on effective_until

policy.adopt
  policy* new>active
"""
