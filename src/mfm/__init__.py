"""The ledger of a multi-stakeholder financing mechanism for Women, Peace and Security work."""
