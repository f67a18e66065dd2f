"""Overlap: what a detector noticed, told with its reasons, for people to judge.

An open finding changes nothing for anybody: no application, rank or payment.
"""

from msgspec import Struct

KINDS: dict[str, tuple[str, str]] = {
    "same-organisation": ("party", "party"),
    "one-number-two-names": ("party", "party"),
    "same-project": ("application", "application"),
    "same-cost": ("report", "report"),
    "same-charge": ("cost", "cost"),
    "overlapping-calls": ("call", "call"),
    "intermediary": ("party", "party"),
    "counted-twice": ("commitment", "commitment"),
    "repeated-application": ("party", "call"),
    "split-application": ("party", "call"),
    "same-text": ("application", "application"),
    "shared-control": ("party", "party"),
    "over-stretched": ("party", "attestation"),
}
"""Detector -> what the two are that it notices together."""


class Overlap(Struct, frozen=True, kw_only=True):
    """Two things that a detector noticed together.

    Attributes:
        detector: one of KINDS.
        left, right: ids of the two, the lesser first; of two kinds, in the order of KINDS.
        score: thousandths, of how sure; 1000 where facts alone decide.
        band: strong or possible.
        reasons: sentences, for and against, the weightiest first.
        suggestions: what could be done, as keys of few words.
        facts: what it rests on, in few words each (a kind and an id): what tells new evidence from
            what people have judged. No figure that moves by itself is among them.
    """

    detector: str
    left: str
    right: str
    score: int = 1000
    band: str = "strong"
    reasons: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    @property
    def grounds(self) -> tuple[str, ...]:
        """The facts; of a detector that names none, its sentences that speak for it, or all."""
        speaking = tuple(each for each in self.reasons if each.startswith("for: "))
        return self.facts or speaking or self.reasons


def pair_of(one: str, other: str) -> tuple[str, str]:
    """Return two ids, the lesser first."""
    return (one, other) if one <= other else (other, one)
