"""Overlap: what a detector noticed, told with its reasons, for people to judge.

An open finding changes nothing for anybody: no application, rank or payment.
"""

from msgspec import Struct


class Overlap(Struct, frozen=True, kw_only=True):
    """Two things that a detector noticed together.

    Attributes:
        detector: same-organisation, one-number-two-names, same-project, overlapping-calls,
            intermediary, counted-twice.
        left, right: ids of the two, the lesser first.
        score: thousandths, of how sure; 1000 where facts alone decide.
        band: strong or possible.
        reasons: sentences, for and against, the weightiest first.
        suggestions: what could be done, as keys of few words.
    """

    detector: str
    left: str
    right: str
    score: int = 1000
    band: str = "strong"
    reasons: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
