"""Foreign money at the bank: what it is carried at, what it is turned into, and the differences.

An account in another currency is kept in that currency (1100), with the exchange position (1190)
facing it: in the foreign currency for as many units, in the fund's own for what those are carried
at. Every posting stays in one currency, and cash in the fund's currency is 1100, 1110 and 1190.
Units that leave take their share of what all units of that currency are carried at.
"""

from fractions import Fraction

from msgspec import Struct

from mfm.core.accounts import EXCHANGE, Account
from mfm.core.allocations import Share, draw
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import decimal_text, exponent, ratio, split
from mfm.core.record import Posting


class Position(Struct, frozen=True):
    """What a fund has in another currency.

    Attributes:
        currency: which.
        original_minor: how much, in its minor units.
        carried_minor: at what it stands in the fund's books, in minor units of their currency.
    """

    currency: str
    original_minor: int
    carried_minor: int

    def cost(self, original_minor: int) -> int:
        """Return what a part is carried at; the last unit takes all that is left.

        Raises:
            Refused: `balance-floor` when it is more than there is.
        """
        rest_minor = self.original_minor - original_minor
        if rest_minor < 0:
            held = decimal_text(max(self.original_minor, 0), self.currency)
            asked = decimal_text(original_minor, self.currency)
            detail = f"The fund holds {held} {self.currency}; {asked} is asked."
            raise Refused("balance-floor", detail)
        return split(self.carried_minor, [original_minor, rest_minor])[0]


def pair(fund: Fund, currency: str) -> str:
    """Return the subject of 1190 for a currency: eur-usd."""
    return f"{currency}-{fund.currency}".lower()


def units(fund: Fund, currency: str, code: str, subject: str) -> Account:
    """Return one of the fund's accounts in another currency."""
    return Account(fund.id, "FIN", code, currency, subject)


def take_in(fund: Fund, currency: str, bank_account: str, original_minor: int) -> Posting:
    """Return the posting of foreign money in: 1100 / 1190, in its currency."""
    bank = units(fund, currency, "1100", bank_account)
    return Posting(bank, units(fund, currency, "1190", pair(fund, currency)), original_minor)


def give_out(fund: Fund, currency: str, bank_account: str, original_minor: int) -> Posting:
    """Return the posting of foreign money out: 1190 / 1100, in its currency."""
    bank = units(fund, currency, "1100", bank_account)
    return Posting(units(fund, currency, "1190", pair(fund, currency)), bank, original_minor)


def must_be_plausible(
    fund: Fund, position: Position, told: tuple[int, int], published: str
) -> None:
    """Hold that foreign money is given or got for about what it is worth: at most 25 % off.

    Who pays states the rate; what it is held to is the newest published one, or without one what
    the fund's other units of that currency are carried at. One minor unit of either is let pass.

    Args:
        fund: whose money.
        position: what it has in that currency.
        told: minor units of that currency, and for how many of the fund's.
        published: the newest rate into the fund's currency, or "".

    Raises:
        Refused: `rate-implausible`.
    """
    original_minor, own_minor = told
    if published:
        scale = Fraction(10) ** (exponent(fund.currency) - exponent(position.currency))
        unit, by = ratio(published) * scale, f"at the newest recorded rate, {published},"
    elif position.original_minor > 0 and position.carried_minor > 0:
        unit = Fraction(position.carried_minor, position.original_minor)
        by = "at what the fund carries them at"
    else:
        return
    worth = original_minor * unit
    if 4 * abs(own_minor - worth) > worth + 4 * max(Fraction(1), unit):
        units = f"{decimal_text(original_minor, position.currency)} {position.currency}"
        detail = (
            f"{units} {by} come to {decimal_text(round(worth), fund.currency)} {fund.currency};"
            f" {decimal_text(own_minor, fund.currency)} is more than 25 % off. Look at both"
            " amounts, or have the rate of the day recorded."
        )
        raise Refused("rate-implausible", detail)


def bearers(fund: Fund, gained_minor: int, available_minor: dict[str, int]) -> tuple[Share, ...]:
    """Return whose unallocated authority bears a loss: earlier gains first, then all pro rata.

    Args:
        fund: whose difference it is.
        gained_minor: below zero for a loss; nobody bears a gain.
        available_minor: source -> unallocated minor units.

    Raises:
        Refused: `authority-exceeded` when less than the loss is unallocated.
    """
    loss_minor = max(-gained_minor, 0)
    rest = dict(available_minor)
    first_minor = min(rest.pop(EXCHANGE, 0), loss_minor)
    first = (Share(EXCHANGE, first_minor),) if first_minor else ()
    if loss_minor == first_minor:
        return first
    return (*first, *draw((), fund, loss_minor - first_minor, rest))


def authority(fund: Fund, gained_minor: int, shares: tuple[Share, ...]) -> list[Posting]:
    """Return what a difference does to authority: 9399 / 9300 of nobody's, or 9300 / 9399."""
    if gained_minor > 0:
        return [fund.move(("9399", ""), ("9300", EXCHANGE), gained_minor)]
    return [
        fund.move(("9300", share.contribution), ("9399", ""), share.amount_minor)
        for share in shares
    ]


def differ(fund: Fund, currency: str, gained_minor: int) -> list[Posting]:
    """Return what a difference does to the position: 1190 / 4900, or 5900 / 1190."""
    position = ("1190", pair(fund, currency))
    if gained_minor > 0:
        return [fund.move(position, ("4900", ""), gained_minor)]
    return [fund.move(("5900", ""), position, -gained_minor)] if gained_minor else []
