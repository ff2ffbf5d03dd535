"""Every sentence that is stored with an invoice: why it needs review, and what is to be noted.

They are stored and answered in English. Pages say them in the reader's language
(``extraction.invoices.wording``), which recognises them by these texts; so they are marked for
translation. In braces:

- ``name``: what a value is called (``extraction.invoices.names``);
- ``value``, ``said``: what was read, and what the document says instead;
- ``expected``, ``actual``, ``meant``, ``other``: a number, a day or one of ``PHRASES``;
- ``written``: a text as somebody wrote it; ``count``, ``line``, ``limit``: whole numbers.

Those that depend on a count are marked with their plurals in ``wording``.
"""

from django.utils.translation import gettext_noop

# Of the verdict

INSTALL_OCR = gettext_noop(
    "This is a scan, and nothing could be compared with it, because no OCR is installed on the "
    "server: compare every value. To get OCR, install tesseract (Debian: tesseract-ocr)."
)
NOT_COMPARED = gettext_noop(
    "The values could not be compared with the document: compare each of them."
)
PAGES_UNREAD = "Page {numbers} could not be read for comparison."
NOT_AN_INVOICE = gettext_noop("This does not look like an invoice.")
NO_LINES = gettext_noop("No lines of goods or services were read.")
OTHER_DOCUMENT = gettext_noop("Most of what was read is not printed on this document.")
SWAPPED = gettext_noop(
    "Supplier and customer look exchanged: the document shows them the other way round."
)
SAME_PARTY = gettext_noop("Supplier and customer were read as one and the same.")
NOT_READ = gettext_noop("The {name} was not read.")

# Of a comparison with the document, by the code of the doubt: without and with what it says.
DOUBTS: dict[str, tuple[str, str]] = {
    "not_printed": (
        gettext_noop("The {name} {value} is not printed on the document."),
        gettext_noop("The {name} {value} is not printed on the document; {said} is."),
    ),
    "not_on_page": (
        gettext_noop("The {name} {value} of the electronic invoice is not printed."),
        gettext_noop("The {name} {value} of the electronic invoice is not printed; {said} is."),
    ),
    "wrong_sign": (gettext_noop("The {name} {value} is printed with the other sign."),) * 2,
    "other_in_row": (
        gettext_noop(
            "The {name} {value} is not in its row, where the document prints another number."
        ),
    )
    * 2,
    "contradicts_label": (
        gettext_noop("The {name} was read as {value}, but the document prints {said} for it."),
    )
    * 2,
    "contradicts_einvoice": (
        gettext_noop("The {name} was read as {value}, but the electronic invoice says {said}."),
    )
    * 2,
    "swapped": (SWAPPED, SWAPPED),
    "absent": (
        gettext_noop("The {name} was not read, but the document prints one."),
        gettext_noop("The {name} was not read, but the document prints {said}."),
    ),
}

# Of checks that failed, by their codes
OF_CHECKS = {
    "lines_add_up": gettext_noop("The lines add up to {expected}, but the subtotal says {actual}."),
    "lines_not_doubled": "Each of {expected} lines was read twice.",
    "lines_match_total": gettext_noop(
        "The lines add up to {expected}, but the total says {actual}."
    ),
    "lines_and_tax_match_total": gettext_noop(
        "The lines and the tax add up to {expected}, but the total says {actual}."
    ),
    "taxable_amount_adds_up": gettext_noop(
        "The amounts before tax add up to {expected}, but the net total says {actual}."
    ),
    "tax_adds_up": gettext_noop("The taxes add up to {expected}, but the tax total says {actual}."),
    "breakdown_adds_up": gettext_noop(
        "The net amounts of the tax breakdown add up to {expected}, but the net total says"
        " {actual}."
    ),
    "tax_matches_lines": gettext_noop(
        "The tax rates of the lines give a tax of {expected}, but the tax total says {actual}."
    ),
    "total_adds_up": gettext_noop(
        "Net total and tax add up to {expected}, but the total says {actual}."
    ),
    "amount_due_adds_up": gettext_noop(
        "The total less what was paid or withheld is {expected}, but the amount due says {actual}."
    ),
    "sign_matches_type": gettext_noop("The document is an invoice, but its total is {actual}."),
    "invoice_date_plausible": gettext_noop("The invoice date {actual} is not within {expected}."),
    "due_date_not_before_invoice_date": gettext_noop(
        "The due date {actual} is before the invoice date."
    ),
    "due_date_plausible": gettext_noop(
        "The due date {actual} is more than a year after the invoice date."
    ),
    "due_date_matches_terms": gettext_noop(
        "The due date is {actual} after the invoice date, but the terms of payment say {expected}."
    ),
    "iban_check_digits": gettext_noop(
        "The IBAN {actual} has not its country's length or check digits."
    ),
}
# Of checks of each value of a list; {line} is the number of a line or row as people count.
OF_ROWS = {
    "line_amounts": gettext_noop(
        "Quantity and price of line {line} give {expected}, but its amount says {actual}."
    ),
    "tax_matches_rate": gettext_noop(
        "Row {line} of the tax breakdown gives a tax of {expected}, but says {actual}."
    ),
    "lines_match_breakdown": gettext_noop(
        "The lines of one tax rate add up to {expected}, but row {line} of the tax breakdown says"
        " {actual}."
    ),
    "line_rates": gettext_noop(
        "The tax rate of line {line} is {actual} %, but the tax breakdown has {expected} %."
    ),
    "discounts_end_in_time": gettext_noop(
        "A discount for early payment ends on {actual}, after the invoice is due."
    ),
    "tax_id_check_digits": gettext_noop(
        "The tax id {actual} lacks the form or the check digits that its country gives them."
    ),
}
OTHER_CHECK = gettext_noop("The check {code} failed: {expected} expected, {actual} read.")
# What checks expect and find besides numbers and days
OR_MORE = gettext_noop("{number} or more")
FROM_TO = gettext_noop("{first} to {last}")
OR_LATER = gettext_noop("{day} or later")
OR_EARLIER = gettext_noop("{day} or earlier")
DAYS = "{count} days"
ID_OF = gettext_noop("an id of {country}")

# Of readers, about the whole document
SEVERAL_DOCUMENTS = gettext_noop(
    "The answer held {count} documents. The first one is answered as the invoice."
)
CREDIT_NOTE = gettext_noop("The total is negative, so the invoice was taken as a credit note.")
QUOTED = gettext_noop("The answer was written with other quotation marks than asked for.")
MORE_DOUBTS = "{count} more values of the answer are doubtful."
ROWS_CUT = gettext_noop("Of {count} {name} only the first {limit} were kept.")
BLANK = gettext_noop("The document is blank.")
FROM_TEXT = gettext_noop(
    "Read from the text by simple rules, without a language model: compare every field."
)
FROM_OCR = gettext_noop("Read from the image by OCR and simple rules: compare every field.")
PAGE_UNREAD = gettext_noop("Page {numbers} could not be read.")
LINES_FROM_PAGE = gettext_noop(
    "The electronic invoice states no lines: those of the page were read by simple rules and do "
    "not add up to its net amount. Compare them."
)
ANOTHER_EINVOICE = gettext_noop(
    "The PDF carries another electronic invoice, {invoice}: see to both."
)
# Which one: parts that follow each other, the second and the third only where they are stated.
NO_NUMBER = gettext_noop("one without a number")
OF_DAY = gettext_noop("{invoice} of {day}")
OVER_AMOUNT = gettext_noop("{invoice} over {amount}")
NOT_STORED = gettext_noop(
    "The database could not be reached: this invoice was read in the request and is not stored."
)

# Of readers, about one value, after its name and a colon
NOT_UNDERSTOOD = gettext_noop("{written} could not be understood and was left out.")
THE_VALUE = gettext_noop("The value")
DIRECTION = gettext_noop("held characters that turn the direction of writing.")
FORMULA = gettext_noop("begins like the formula of a spreadsheet.")
TEXT_CUT = gettext_noop("was cut after {limit} characters.")
DECIMAL_COMMA = gettext_noop('"{written}" was read as {meant}, with a comma as decimal sign.')
AMBIGUOUS = gettext_noop('"{written}" was read as {meant}; it may mean {other}.')
GUESSED_DAY = gettext_noop('"{written}" was read as {meant}.')
OTHER_ZONE = gettext_noop(
    '"{written}" was read as {meant}; in another time zone it is another day.'
)
SEVERAL_CURRENCIES = gettext_noop('"{written}" stands for several currencies.')

OF_VALUES = (
    *(NOT_UNDERSTOOD, DIRECTION, FORMULA, TEXT_CUT, DECIMAL_COMMA, AMBIGUOUS, GUESSED_DAY),
    *(OTHER_ZONE, SEVERAL_CURRENCIES),
)
SENTENCES = frozenset({
    *(INSTALL_OCR, NOT_COMPARED, PAGES_UNREAD, NOT_AN_INVOICE, NO_LINES, OTHER_DOCUMENT, SWAPPED),
    *(SAME_PARTY, NOT_READ, OTHER_CHECK, SEVERAL_DOCUMENTS, CREDIT_NOTE, QUOTED, MORE_DOUBTS),
    ROWS_CUT,
    *(BLANK, FROM_TEXT, FROM_OCR, PAGE_UNREAD, LINES_FROM_PAGE, ANOTHER_EINVOICE, NOT_STORED),
    *OF_CHECKS.values(),
    *OF_ROWS.values(),
    *(text for both in DOUBTS.values() for text in both),
})  # fmt: skip
PHRASES = (OR_MORE, FROM_TO, OR_LATER, OR_EARLIER, DAYS, ID_OF)
