"""Decisions on cases of overlap: two people say the same; a merge is an alias that can go."""

from msgspec import Struct, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.overlap_cases import Outcome, OverlapCase, must_be_open
from mfm.core.overlap_effects import AGAINST
from mfm.core.parties import Party
from mfm.core.record import Draft
from mfm.core.terms import Act, Command, Id, Why

_OF_PARTIES = frozenset({"affiliate", "merged"})


class DecideOverlap(Command, frozen=True, kw_only=True):
    """Decide on a case: the first person proposes, and a second who says the same decides."""

    overlap: Id
    outcome: Outcome
    survivor: Id | None = None
    reason: Why


class ReopenOverlap(Command, frozen=True, kw_only=True):
    """Open a decided case again, for a reason; what was merged is two again."""

    overlap: Id
    reason: Why


class Known(Struct, frozen=True, kw_only=True):
    """What a decision on a case rests on.

    Attributes:
        seq: the record that it will be.
        stands_for: the organisations for whom the actor stands.
        heard: the parties that have answered themselves since the case was opened.
        noted_by: the keys that wrote down for one of them what it says.
        one_fund: the fund that both keys are bound to, where the case concerns others too; or "".
        merging: for a merge, the party that stays and the one that becomes its alias.
        aliases: how many aliases the latter has itself.
    """

    seq: int
    stands_for: frozenset[str] = frozenset()
    heard: frozenset[str] = frozenset()
    noted_by: frozenset[str] = frozenset()
    one_fund: str = ""
    merging: tuple[Party, ...] = ()
    aliases: int = 0


def decide(act: Act, command: DecideOverlap, case: OverlapCase, known: Known) -> Draft:
    """Record what one person proposes, or what a second one decides by saying the same.

    Raises:
        Invalid: `overlap-outcome` where the outcome does not fit the case.
        Refused: `overlap-state`, `overlap-unheard`, `conflict-of-interest`, `four-eyes`,
            `overlap-one-fund`, `party-merged`.
    """
    must_be_open(case)
    _must_be_impartial(case, known.stands_for)
    _must_fit(command, case)
    if act.actor.key in known.noted_by:
        detail = "Who wrote down what one of the two says does not decide: another person does."
        raise Refused("four-eyes", detail, "/overlap")
    unheard = sorted({*case.parties} - known.heard)
    if command.outcome in AGAINST and unheard and act.on <= case.answer_by:
        detail = f"{', '.join(unheard)} may answer until {case.answer_by}."
        raise Refused("overlap-unheard", detail, "/outcome")
    survivor = command.survivor or ""
    if (case.proposed, case.survivor) != (command.outcome, survivor):
        proposed = structs.replace(
            case,
            proposed=command.outcome,
            proposed_by=act.actor.key,
            proposed_in=known.seq,
            survivor=survivor,
        )
        return Draft(effective_on=act.on, sets=(proposed,))
    if act.actor.key == case.proposed_by:
        detail = "Who proposed this does not decide it: a second person does."
        raise Refused("four-eyes", detail, "/overlap")
    if known.one_fund:
        detail = (
            f"Both keys are of fund {known.one_fund}, and others are concerned: let them decide."
        )
        raise Refused("overlap-one-fund", detail, "/overlap")
    decided = structs.replace(
        case,
        status=command.outcome,
        decided_by=act.actor.key,
        decided_on=act.on,
        decided_in=known.seq,
    )
    merged = (_alias(survivor, known),) if survivor else ()
    return Draft(effective_on=act.on, sets=(decided, *merged))


def reopen(
    act: Act, case: OverlapCase, alias: Party | None, stands_for: frozenset[str] = frozenset()
) -> Draft:
    """Record that a decided case is open again; what was merged is two again.

    Args:
        act: who, and the day.
        case: the case.
        alias: the party that a merge had made an alias, or None.
        stands_for: the organisations for whom the actor stands.

    Raises:
        Refused: `overlap-state`, `conflict-of-interest`; `four-eyes` for those who decided.
    """
    if case.status == "open":
        raise Refused("overlap-state", f"Case {case.id} is open.", "/overlap")
    _must_be_impartial(case, stands_for)
    if act.actor.key in (case.proposed_by, case.decided_by):
        detail = "Who decided this does not open it again: another person does."
        raise Refused("four-eyes", detail, "/overlap")
    opened = structs.replace(
        case,
        status="open",
        proposed="",
        proposed_by="",
        proposed_in=0,
        survivor="",
        decided_by="",
        decided_on=None,
        decided_in=0,
    )
    apart = (structs.replace(alias, merged_into=""),) if alias is not None else ()
    return Draft(effective_on=act.on, sets=(opened, *apart))


def other_of(case: OverlapCase, one: str) -> str:
    """Return the other of a case's two: of a merge, the one that does not stay."""
    return case.second if one == case.first else case.first


def _alias(survivor: str, known: Known) -> Party:
    """Return the party that becomes an alias; one step leads from any alias to whom it is.

    Raises:
        Refused: `party-merged`.
    """
    stays, goes = known.merging
    if stays.merged_into or goes.merged_into or known.aliases:
        detail = "One of the two is merged already: take that merge back first."
        raise Refused("party-merged", detail, "/survivor")
    return structs.replace(goes, merged_into=survivor)


def _must_fit(command: DecideOverlap, case: OverlapCase) -> None:
    of_parties = all(side.kind == "party" for side in case.sides)
    if command.outcome in _OF_PARTIES and not of_parties:
        detail = f"{command.outcome} is for two organisations; this case is about other things."
        raise Invalid("overlap-outcome", detail, "/outcome")
    wanted = (case.first, case.second) if command.outcome == "merged" else (None,)
    if command.survivor not in wanted:
        detail = "A merge, and nothing else, names as survivor the one of the two that stays."
        raise Invalid("overlap-outcome", detail, "/survivor")


def _must_be_impartial(case: OverlapCase, stands_for: frozenset[str]) -> None:
    if of := stands_for & {*case.parties}:
        detail = f"{min(of)} does not decide on a case of its own."
        raise Refused("conflict-of-interest", detail, "/overlap")
