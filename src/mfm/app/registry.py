"""All verbs, by name."""

from mfm.app import (
    allocations,
    commitments,
    deposits,
    disbursements,
    entries,
    funds,
    keys,
    parties,
    pledges,
    refunds,
    reports,
)
from mfm.app.perform import Verb

VERBS: dict[str, Verb] = {
    verb.name: verb
    for module in (
        parties,
        funds,
        pledges,
        commitments,
        deposits,
        allocations,
        disbursements,
        reports,
        refunds,
        entries,
        keys,
    )
    for verb in module.VERBS
}
