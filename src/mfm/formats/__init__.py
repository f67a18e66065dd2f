"""Interchange: pure decoders and encoders of others' formats; no SQL, no clock."""
