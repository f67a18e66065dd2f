"""The ledger of a multi-stakeholder financing mechanism (MFM) for Women, Peace and Security work."""
