"""Whether applications whose titles are one text say the same in their words too (D7)."""

from mfm.app.overlap_held import Held
from mfm.core.overlap_asks import by_words
from mfm.core.overlaps import Overlap
from mfm.store.database import Snapshot
from mfm.store.overlaps import words_of


async def with_words(connection: Snapshot, held: Held, found: list[Overlap]) -> list[Overlap]:
    """Return what was found; of titles that are one, what the words beside them say as well.

    Only the words of such pairs are read: they are long, and such pairs are few.
    """
    pairs = [each for each in found if each.detector == "same-text"]
    names = {name for each in pairs for name in (each.left, each.right)}
    works = {each.id: each for each in held.applications if each.id in names}
    words = await words_of(connection, works.values()) if works else {}
    made = []
    for each in found:
        told: Overlap | None = each
        if each.detector == "same-text":
            sides = words.get(each.left, ""), words.get(each.right, "")
            calls = {works[name].call for name in (each.left, each.right)}
            given = "\n".join(held.words.get(call, "") for call in sorted(calls))
            told = by_words(each, sides, given)
        made += [told] if told else []
    return made
