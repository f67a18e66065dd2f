"""The rules: pure functions and values, on the standard library and msgspec alone.

No clock, no randomness, no IO, no await.
"""
