"""How well a short form is explained by the words of a name."""

from collections.abc import Sequence

from mfm.core.normalising import Unit

FULL = 1000
_SKIPPED = {"stop": 0, "legal": 1, "country": 2, "place": 2, "direction": 2}
_SKIPPED_WORD = 4
_PREFIX_LETTER = 1
_INNER_LETTER = 3
_FOREIGN_LETTER = 6
_WORST_A_LETTER = 6


def explained(short: str, words: Sequence[Unit]) -> int:
    """Return, in thousandths, how much of a short form the words' letters explain, in order.

    The first letters of all words, small words free, explain it wholly. Further letters from the
    beginning of a word cost little, letters from within it more, words passed over and letters
    that come from nowhere most.
    """
    costs: list[int] = [at * _FOREIGN_LETTER for at in range(len(short) + 1)]
    for word in words:
        costs = _with_word(costs, short, word)
    worst = _WORST_A_LETTER * max(1, len(short))
    return max(0, FULL - FULL * costs[-1] // worst)


def _with_word(costs: list[int], short: str, word: Unit) -> list[int]:
    """Return the least cost of each beginning of the short form, one more word at hand."""
    skipped = _SKIPPED.get(word.section, _SKIPPED_WORD)
    made = [cost + skipped for cost in costs]
    text = word.text
    for start in range(len(short)):
        if not text or short[start] != text[0]:
            continue
        cost, place, prefix = costs[start], 0, True
        for end in range(start + 1, len(short) + 1):
            made[end] = min(made[end], cost)
            if end == len(short):
                break
            following = text.find(short[end], place + 1)
            if following < 0:
                break
            prefix = prefix and following == place + 1
            cost += _PREFIX_LETTER if prefix else _INNER_LETTER
            place = following
    for end in range(1, len(short) + 1):
        made[end] = min(made[end], made[end - 1] + _FOREIGN_LETTER)
    return made
