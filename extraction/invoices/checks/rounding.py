"""How far rounding moves an amount: by currency, and by how many rounded numbers are added."""

from decimal import Decimal
from functools import cache

_CENTS = (2, 0, 2, 0)

# What totals are rounded to where CLDR knows no rounding in cash.
_COINS = {
    "AUD": Decimal("0.05"),  # Royal Australian Mint: 1 and 2 cents withdrawn in 1992
    "HKD": Decimal("0.10"),  # Hong Kong Monetary Authority: the smallest coin in circulation
    "ILS": Decimal("0.10"),  # Bank of Israel: 5 agorot withdrawn in 2008
    "INR": Decimal("1"),  # CGST Act 2017, section 170, and the custom of rounding to the rupee
    "MYR": Decimal("0.05"),  # Bank Negara Malaysia: rounding mechanism of 2008
    "NPR": Decimal("1"),  # custom: bills are rounded to the rupee, no paisa coins circulate
    "NZD": Decimal("0.10"),  # Reserve Bank of New Zealand: 5 cents withdrawn in 2006
    "SGD": Decimal("0.05"),  # Monetary Authority of Singapore: 1 cent withdrawn in 2002
    "THB": Decimal("0.25"),  # Bank of Thailand: the smallest coin in circulation
    "ZAR": Decimal("0.10"),  # South African Reserve Bank: 5 cents discontinued in 2012
}

# What is paid in cash is rounded to more than other totals are.
_LARGER_COINS = {
    "CLP": Decimal("10"),  # Chile, law 20.956 of 2016: 1 and 5 pesos withdrawn in 2017
    "HUF": Decimal("5"),  # Hungary, act III of 2008: 1 and 2 forint withdrawn
}


@cache
def _fractions(currency: str | None) -> tuple[int, int, int, int]:
    """Return digits, rounding, digits in cash and rounding in cash; a rounding of 0 means 1.

    Roundings are in units of the last digit. Source: CLDR, supplementalData, <fractions>.
    """
    # Not at the top: processes of the web server load this module, and check nothing.
    from babel.core import get_global

    stated: tuple[int, int, int, int] = get_global("currency_fractions").get(currency or "", _CENTS)
    return stated


def digits(currency: str | None) -> int:
    """Return how many decimal places amounts of a currency have, 2 for an unknown one."""
    return _fractions(currency)[0]


def unit(currency: str | None) -> Decimal:
    """Return the smallest amount of a currency that is printed: 0.01 EUR, 1 JPY, 0.001 KWD."""
    return Decimal(1).scaleb(-digits(currency))


def coin(currency: str | None) -> Decimal | None:
    """Return what totals of a currency may be rounded to, or None where that is not usual."""
    if currency is None:
        return None
    if currency in _COINS:
        return _COINS[currency]
    _, _, places, step = _fractions(currency)
    smallest = Decimal(step or 1).scaleb(-places)
    return smallest if smallest > unit(currency) else None


def cash_slack(stated: Decimal, currency: str | None) -> Decimal:
    """Return by how much a stated total may differ for being rounded to a coin.

    That is half of the coin for a multiple of it, and nothing for any other amount.
    """
    coins = (_LARGER_COINS.get(currency or ""), coin(currency))
    return next((each / 2 for each in coins if each and stated % each == 0), Decimal())


def whole_slack(stated: Decimal, currency: str | None) -> Decimal:
    """Return by how much a stated tax may differ for being rounded to whole units.

    That is half of one, in currencies whose smallest coin is a whole unit, such as HUF and NPR, and
    nothing for a tax with decimals. In India section 170 of the CGST Act 2017 orders it.
    """
    smallest = coin(currency)
    is_whole = smallest is not None and smallest >= 1 and stated % 1 == 0
    return Decimal("0.5") if is_whole else Decimal()


def tolerance(currency: str | None, roundings: int) -> Decimal:
    """Return how far a sum may be off when so many numbers, itself included, were rounded.

    Each rounding errs by half a unit at most, and n of them by n halves. The errors of many are
    spread evenly and independent: the standard deviation of their sum is unit × √(n / 12), and
    three of those, half a unit × √(3n), hold 99.7 % of all sums.
    """
    most = min(Decimal(roundings), Decimal(3 * roundings).sqrt())
    return unit(currency) / 2 * most
