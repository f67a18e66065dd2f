"""Classifications: markers given to commitments, allocations and applications, and given anew."""

from datetime import date
from typing import TypeVar

from msgspec import structs

from mfm.core import markers
from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.markers import Marker, Scheme, Score, Version
from mfm.core.record import Draft
from mfm.core.terms import Act, Command, Id, Text

T = TypeVar("T", Commitment, Allocation, Application)


class ClassifyCommitment(Command, frozen=True, kw_only=True):
    """Give a commitment its score in a scheme; what it had before stays in its record."""

    commitment: Id
    scheme: Scheme
    score: Score
    version: Version = ""
    effective_on: date | None = None
    reason: Text = ""


class ClassifyAllocation(Command, frozen=True, kw_only=True):
    """Give an allocation its score in a scheme; what it had before stays in its record."""

    allocation: Id
    scheme: Scheme
    score: Score
    version: Version = ""
    effective_on: date | None = None
    reason: Text = ""


class ClassifyApplication(Command, frozen=True, kw_only=True):
    """Give an application its score in a scheme, as its reviewer."""

    application: Id
    scheme: Scheme
    score: Score
    version: Version = ""
    reason: Text = ""


Classify = ClassifyCommitment | ClassifyAllocation | ClassifyApplication


def classify(act: Act, command: Classify, noun: T, funds: tuple[str, ...]) -> Draft:
    """Record a classification, with who reviewed it; no money moves.

    Args:
        act: the reviewer, and the day.
        command: scheme, version and score.
        noun: what is classified.
        funds: the funds that it concerns.

    Raises:
        Invalid: `score-unknown`.
    """
    markers.check(command.scheme, command.score)
    made = Marker(command.scheme, command.version, command.score, act.actor.party, act.actor.key)
    changed = structs.replace(noun, markers=markers.replaced(noun.markers, made))
    return Draft(effective_on=act.on, sets=(changed,), funds=funds)
