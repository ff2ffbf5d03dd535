"""Checks of codes that carry check digits."""

import re
from collections.abc import Callable

from stdnum import iban, numdb
from stdnum.ch import vat as ch_vat
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.in_ import gstin
from stdnum.no import mva

from extraction.invoices.checks.compare import Item, item_check
from extraction.invoices.schema import Check, InvoiceFields

_IBAN_COUNTRIES = numdb.get("iban")
# Six digits that count up or down, 1234 twice, or one digit other than 0 six times.
_RUNS = (
    *("1234567890123456"[start : start + 6] for start in range(10)),
    *("9876543210987654"[start : start + 6] for start in range(10)),
    "12341234",
    *(digit * 6 for digit in "123456789"),
)
_SEPARATORS = re.compile(r"[\s./-]")
_GSTIN = re.compile(r"\d{2}[A-Z]{5}\d{4}[A-Z][0-9A-Z]{3}")
# Whether an id of a country is right. VAT ids of the EU begin with its letters, and so do those of
# Greece (EL), Northern Ireland (XI), the United Kingdom, Switzerland and Norway.
_VALID: dict[str, Callable[[str], bool]] = {
    **{country.upper(): eu_vat.is_valid for country in eu_vat.MEMBER_STATES},
    **dict.fromkeys(("EL", "XI"), eu_vat.is_valid),
    "CH": ch_vat.is_valid,
    "GB": gb_vat.is_valid,
    "IN": gstin.is_valid,
    "NO": mva.is_valid,
}


def iban_check_digits(fields: InvoiceFields) -> Check | None:
    """The IBAN has its country's length and its check digits (ISO 13616, ISO 7064 MOD 97-10).

    Left out for a country without IBANs, since the number is an account of another kind, and for
    numbers that were made up for a sample: of 47 true public e-invoices 4 have such an IBAN that
    fails, and no other one does. Every single wrong digit changes the check digits.
    """
    number = _compact(fields.iban or "").removeprefix("IBAN")
    if not number or is_made_up(number) or not _IBAN_COUNTRIES.info(number)[0][1]:
        return None
    return Check(
        code="iban_check_digits",
        passed=bool(iban.is_valid(number, check_country=False)),
        expected=None,
        actual=fields.iban,
        paths=["iban"],
    )


def is_made_up(number: str) -> bool:
    """Return whether a number holds digits that count up, or a row of one digit, as samples do."""
    return any(run in number for run in _RUNS)


def tax_id_check_digits(fields: InvoiceFields) -> Check | None:
    """The tax ids have the form and check digits of their country (python-stdnum).

    An advice, and none of the checks that make an invoice need review: of 47 true public e-invoices
    26 have an id that fails, and so do 7 of their 16 distinct ids of a known country. Most are
    samples such as DE123456789. They are read as they are printed; where no text layer proves an
    id, this is a reason to look at it (``evidence.verdict``). Ids that do not name their country
    are left out.
    """
    parties = {"supplier.tax_id": fields.supplier, "customer.tax_id": fields.customer}
    items = []
    for path, party in parties.items():
        number = _compact(party.tax_id or "")
        country = _country(number)
        if country is not None:
            is_valid = _VALID[country](number)
            items.append(Item(path, f"an id of {country}", party.tax_id or "", is_valid))
    return item_check("tax_id_check_digits", items)


def _compact(number: str) -> str:
    return _SEPARATORS.sub("", number).upper()


def _country(number: str) -> str | None:
    """Return the country of an id that states it: by the first letters, or by the form of GSTIN."""
    if _GSTIN.fullmatch(number):
        return "IN"
    return number[:2] if number[:2] in _VALID and number[:2] != "IN" else None
