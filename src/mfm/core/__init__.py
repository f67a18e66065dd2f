"""The rules: pure functions and values. No clock, randomness, IO or await; the standard library and msgspec alone."""
