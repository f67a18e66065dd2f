"""The keys by which overlap is found: kept with what they are of, in its own transaction."""

from mfm.app.matching import org_matcher
from mfm.app.overlap_held import ASKING, org_view
from mfm.core.applications import Application
from mfm.core.overlap_keys import Keyed, application_keys, keyed, party_keys
from mfm.core.parties import Party
from mfm.core.record import Draft, Noun
from mfm.store import overlaps as store
from mfm.store.unit import Unit
from mfm.store.writer import Writer

RENEWED_AT_ONCE = 500


def keep(unit: Unit, draft: Draft) -> None:
    """Have a unit write, with a draft's record, the keys of what the draft makes findable."""
    for row in draft.sets:
        if isinstance(row, (Party, Application)) and (made := _changed(row)) is not None:
            unit.batch.keys.append(made)


def _changed(row: Party | Application) -> Keyed | None:
    """Return the keys that a noun's new state brings with it, or None where they stay."""
    gone = row.status in ("reversed", "withdrawn", "declined")
    fresh = not row.seq if isinstance(row, Party) else row.status == "submitted"
    return keys_of(row) if gone or fresh else None


def keys_of(row: Party | Application) -> Keyed:
    """Return the keys of a party or application; none where it is to be found no more."""
    matcher = org_matcher()
    if isinstance(row, Party):
        if row.status == "reversed":
            return Keyed("party", row.id)
        return keyed("party", row.id, party_keys(matcher.read(org_view(row))))
    if row.status not in ASKING:
        return Keyed("application", row.id)
    return keyed("application", row.id, application_keys(row, matcher.lexicon))


async def renew(writer: Writer) -> int:
    """Write the keys that are missing, or are of another version; return how many things had none.

    It asks for nothing that submissions wait for: some hundred things at a time, between verbs.
    """
    done = 0
    kinds: tuple[type[Noun], ...] = (Party, Application)
    for kind in kinds:
        while some := await writer.run(lambda unit, kind=kind: _renewed(unit, kind)):  # type: ignore[misc]  # a default binds the loop's kind
            done += some
    return done


async def _renewed(unit: Unit, kind: type[Noun]) -> int:
    number = unit.mechanism.id
    rows = await store.unkeyed(unit.connection, number, kind, RENEWED_AT_ONCE)
    if rows:
        await store.write_keys(unit.connection, number, [keys_of(row) for row in rows])
    return len(rows)
