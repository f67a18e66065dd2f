"""Which confirmed cases of overlap a signature had to hear of, found from the records alone.

Written from what the cases mean, not from the query that finds them for the writer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlap_effects import CASES_TOLD, OF_APPLICATIONS, OF_CALLS, OF_ORGANISATIONS
from mfm.core.parties import Party
from mfm.core.record import Noun

KINDS: dict[str, type[Noun]] = {
    "party": Party,
    "fund": Fund,
    "application": Application,
    "overlap_case": OverlapCase,
}
"""What is followed, besides the agreements that are signed."""


class Cases:
    """Follows the records for what is confirmed of overlap."""

    def __init__(self) -> None:
        """Start before the first record."""
        self._confirmed: dict[str, OverlapCase] = {}
        self._about: defaultdict[tuple[str, str], set[str]] = defaultdict(
            set
        )  # (kind, id) -> cases
        self._stays: dict[str, str] = {}  # alias -> whom it is
        self._aliases: defaultdict[str, set[str]] = defaultdict(set)
        self._awarded: set[str] = set()
        self._calls: dict[str, str] = {}  # application -> its call
        self._stewards: dict[str, str] = {}
        self._take: dict[type[Noun], Callable[[Any], None]] = {
            Party: self._party,
            Fund: self._fund,
            Application: self._application,
            OverlapCase: self._case,
        }

    def feed(self, states: Iterable[Noun]) -> None:
        """Take in what a record sets."""
        for state in states:
            take = self._take.get(type(state))
            if take is not None:
                take(state)

    def heard(self, made: Commitment) -> dict[str, list[str]]:
        """Return the facts of overlap that the signature of an agreement rests on."""
        party = made.to_party or self._stewards.get(made.to_fund, "")
        stays = self._stays.get(party, party)
        cases = {
            name
            for each in {stays, *self._aliases[stays]}
            for name in self._about["party", each]
            if self._of_party(self._confirmed[name], each, self._calls.get(made.application, ""))
        }
        for name in self._about["application", made.application]:
            case = self._confirmed[name]
            other = case.second if case.first == made.application else case.first
            if case.detector in OF_APPLICATIONS and other in self._awarded:
                cases.add(name)
        told = sorted(cases)[:CASES_TOLD]
        detectors = {self._confirmed[name].detector for name in told}
        return {"overlap.cases": told, "overlap.confirmed": sorted(detectors)}

    @staticmethod
    def _of_party(case: OverlapCase, party: str, call: str) -> bool:
        if case.detector in OF_CALLS:
            return (case.first, case.second) == (party, call)
        return case.detector in OF_ORGANISATIONS

    def _party(self, state: Party) -> None:
        before = self._stays.pop(state.id, "")
        if before:
            self._aliases[before].discard(state.id)
        if state.merged_into:
            self._stays[state.id] = state.merged_into
            self._aliases[state.merged_into].add(state.id)

    def _fund(self, state: Fund) -> None:
        self._stewards[state.id] = state.steward

    def _application(self, state: Application) -> None:
        self._calls[state.id] = state.call
        if state.status == "awarded":
            self._awarded.add(state.id)
        else:
            self._awarded.discard(state.id)

    def _case(self, state: OverlapCase) -> None:
        confirmed = state.status == "confirmed"
        if confirmed:
            self._confirmed[state.id] = state
        for side in state.sides:
            if confirmed:
                self._about[side.kind, side.id].add(state.id)
            else:
                self._about[side.kind, side.id].discard(state.id)
