"""Replays: every decision of a trail evaluated again, from the files and facts that it names.

Pure: who calls reads the records and the blobs. Which policies were asked is not taken from the
decision but from the policies' own records, as they stood before it: a file that was left out of a
decision is found missing, and one that was put in its place has another name. What a signature had
to hear of confirmed overlap is found from the records too; other facts are taken as they were kept.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, json

from mfm.core import overlap_replays
from mfm.core.commitments import Commitment
from mfm.core.decisions import ENGINE, evaluate, restored
from mfm.core.decisions import told as told_again
from mfm.core.facts import Catalogue
from mfm.core.judgements import Decision
from mfm.core.overlap_replays import Cases
from mfm.core.policies import Policy
from mfm.core.policy_format import PolicyFile, load
from mfm.core.policy_source import PolicyError
from mfm.core.record import Noun, canonical
from mfm.core.verify_form import Differs

Read = Callable[[str], bytes]
"""Given a SHA-256 (hex): the content of that name. Raises LookupError where there is none."""
KINDS: dict[str, type[Noun]] = {"decision": Decision, "policy": Policy, **overlap_replays.KINDS}
"""What a replay follows: within a record, decisions come before what it changes for later ones."""
SIGNING = "commitment.sign"
"""The verb of whose records a replay reads the agreement too."""
_decode = json.Decoder(dict[str, Any]).decode
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ValidationError, DecodeError)
_ILL_TYPED = object()
"""What stands for a fact that did not count: no fact is of its type."""


class Met(Struct, frozen=True):
    """A decision of a trail, to be evaluated again.

    Attributes:
        seq: the record that made it.
        decision: its state.
        policies: what was, or had been, in force before it.
        heard: facts that the records before it say it had to be made from.
    """

    seq: int
    decision: Decision
    policies: tuple[Policy, ...]
    heard: dict[str, list[str]]


class Replays:
    """Follows a trail's records, and evaluates the decisions in them again.

    Attributes:
        met: the decisions met so far, in order.
        done: how many of them were evaluated again, and came out the same.
    """

    def __init__(self) -> None:
        """Start before the first record."""
        self.met: list[Met] = []
        self.done = 0
        self._seq = 0
        self._policies: dict[str, Policy] = {}
        self._standing: tuple[Policy, ...] = ()
        self._catalogues: dict[str, Catalogue] = {}
        self._files: dict[tuple[str, str], PolicyFile] = {}
        self._cases = Cases()

    def feed(self, seq: int, states: Sequence[Noun]) -> None:
        """Take in what a record sets; other nouns and earlier records are passed over."""
        if seq <= self._seq:  # read again, because a later one takes it back
            return
        self._seq = seq
        self._cases.feed(states)
        for state in states:
            if isinstance(state, Decision) and state.status in ("made", "refused"):
                self.met.append(Met(seq, state, self._standing, self._heard(state, states)))
            elif isinstance(state, Policy):
                self._policies[state.id] = state
                standing = (each for each in self._policies.values() if each.once_in_force)
                self._standing = tuple(sorted(standing, key=lambda each: each.id))

    def _heard(self, decision: Decision, states: Iterable[Noun]) -> dict[str, list[str]]:
        """Return what a signature had to hear; of one that was refused no agreement tells."""
        if decision.gate != "signature":
            return {}
        made = next((state for state in states if isinstance(state, Commitment)), None)
        return self._cases.heard(made) if made is not None else {}

    @property
    def files(self) -> set[str]:
        """Return the SHA-256 (hex) of all policies and catalogues that records named so far."""
        named = self._policies.values()
        return {each.content for each in named} | {each.catalogue for each in named}

    def again(self, met: Met, content: bytes, read: Read) -> bool:
        """Evaluate a decision again; return False where another engine or catalogue made it.

        Args:
            met: the decision.
            content: all of it, as it was kept.
            read: what reads policies and catalogues by their SHA-256.

        Raises:
            Differs: `decision-replay`, when it does not come out the same.
        """
        try:
            same = self._again(met, _decode(content), read)
        except PolicyError as fault:
            raise self._differs(met, f"a file of it cannot be read: {fault}") from fault
        except _BROKEN as fault:
            raise self._differs(met, f"it is malformed: {fault!r}") from fault
        self.done += same
        return same

    def _again(self, met: Met, kept: dict[str, Any], read: Read) -> bool:
        decision = met.decision
        catalogue = self._catalogue(kept["catalogue"], read)
        if kept["engine"] != ENGINE or catalogue is None:
            return False
        if (kept["outcome"], kept["on"]) != (decision.outcome, decision.judged_on.isoformat()):
            detail = f"the record says {decision.outcome} on {decision.judged_on}, its content"
            raise self._differs(met, f"{detail} {kept['outcome']} on {kept['on']}")
        for name, heard in met.heard.items():
            if name in catalogue.facts and kept["facts"].get(name) != heard:
                raise self._differs(met, f"{name} is {kept['facts'].get(name)}, and was {heard}")
        told_on = kept.get("submitted_on")
        submitted_on = date.fromisoformat(told_on) if told_on else None
        files = [
            self._file(policy.content, catalogue, read)
            for policy in met.policies
            if policy.asked_at(decision.gate, decision.fund, decision.funding_window)
            and policy.judges(decision.judged_on, submitted_on)
        ]
        facts = restored(kept["facts"], catalogue) | dict.fromkeys(kept["rejected"], _ILL_TYPED)
        again = told_again(evaluate(files, facts, decision.judged_on, catalogue, submitted_on))
        for name, wanted in again.items():
            if canonical(kept.get(name)) != canonical(wanted):
                raise self._differs(met, _told(name, kept.get(name), wanted))
        return True

    def _catalogue(self, name: str, read: Read) -> Catalogue | None:
        if name not in self._catalogues:
            try:
                self._catalogues[name] = Catalogue(read(name))
            except LookupError:  # a release brought it, and no policy was written for it yet
                return None
        return self._catalogues[name]

    def _file(self, name: str, catalogue: Catalogue, read: Read) -> PolicyFile:
        key = name, catalogue.sha256
        if key not in self._files:
            self._files[key] = load(read(name), catalogue, f"policy {name[:12]}")
        return self._files[key]

    def _differs(self, met: Met, why: str) -> Differs:
        return Differs("decision-replay", met.seq, f"Decision {met.decision.id}: {why}.")


def _told(name: str, kept: Any, again: Any) -> str:  # noqa: ANN401  # values of JSON
    """Return where two tellings of a decision part."""
    if name == "outcome":
        return f"its files and facts come to {again}, not {kept}"
    return f"evaluated again, its {name} are not what it says"
