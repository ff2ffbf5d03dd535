"""Tax that the customer withholds from the fee: the rates that laws set, in percent of the net."""

from decimal import Decimal

_EURO = (
    *("15", "7"),  # Spain, RD 439/2007 (IRPF) art. 95.1: professionals, and in their first years
    *("1", "2"),  # Spain, RD 439/2007 art. 95.4 to 95.6: farms, forestry, trades by modules
    "19",  # Spain, RD 439/2007 art. 100: rent
    "24",  # Spain, RD 439/2007 art. 101: rights of image
    "20",  # Italy, DPR 600/1973 art. 25: professionals; Greece, law 4172/2013 art. 64: fees
    *("11.5", "4.6"),  # Italy, DPR 600/1973 art. 25-bis: 23 % of 50 % or of 20 % of commissions
    "4",  # Italy, DPR 600/1973 art. 25-ter: works for condominiums
    *("25", "23"),  # Portugal, CIRS art. 101: professionals until 2024, and since
)
_BY_CURRENCY = {
    "EUR": _EURO,
    # Mexico: LISR art. 106 (10 %), art. 113-J (1.25 %), each also with two thirds of 16 % of VAT
    # (LIVA art. 1-A and its rules, art. 3).
    "MXN": ("10", "1.25", "10.6666667", "20.6666667", "11.9166667"),
    # Brazil: RIR/2018 art. 714 (1.5 %), Lei 10.833/2003 art. 30 (4.65 %), both, and Lei 8.212/1991
    # art. 31 (11 %).
    "BRL": ("1.5", "4.65", "6.15", "11"),
    # Thailand, Revenue Code section 3 tredecim: transport, advertising, services, rent.
    "THB": ("1", "2", "3", "5"),
    # Nepal, Income Tax Act 2058, sections 88 and 89: services, rent, VAT-registered suppliers.
    "NPR": ("15", "10", "1.5"),
}


def rates(currency: str | None) -> list[Decimal]:
    """Return the rates at which tax is withheld from invoices in a currency, in percent."""
    return [Decimal(rate) for rate in _BY_CURRENCY.get(currency or "", ())]
