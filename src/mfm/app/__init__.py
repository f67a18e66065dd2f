"""The verbs: one async function each. Require permission, read, decide (core), append."""
