"""Why a document was refused or not read, in the reader's language.

The sentences are stored and answered in English. Pages recognise them by these, which stand here
once more so that they are found for translation; a test holds them against the places where they
are raised.
"""

from django.utils.translation import gettext_noop

from extraction.invoices import wording

TEXTS: tuple[str, ...] = (
    # What failed
    gettext_noop("Failed to convert PDF"),
    gettext_noop("Failed to process invoice"),
    gettext_noop("Invoice processing was cancelled"),
    gettext_noop("No active token found for your company. Please contact support."),
    gettext_noop("Your AI token has expired. Please renew your subscription."),
    gettext_noop(
        "Your AI token is no longer available or has been disabled. Please contact support."
    ),
    gettext_noop("This company is closed."),
    # The file
    gettext_noop("The file is empty. Check it and send it again."),
    gettext_noop("The file is larger than {limit} MB. Send a smaller one."),
    gettext_noop(
        "The upload has {size} MB and at most {limit} MB are accepted. Send a smaller file, or "
        "several files one by one."
    ),
    gettext_noop(
        "The file is neither a PDF nor an image of a known kind. Send a PDF, JPEG, PNG, WebP, "
        "TIFF, GIF, BMP, AVIF or HEIC file."
    ),
    gettext_noop(
        "The file has {count} pages; at most {limit} are accepted. Split it and send the parts."
    ),
    gettext_noop(
        "The file has more than {count} pages; at most {limit} are accepted. Split it and send the "
        "parts."
    ),
    gettext_noop(
        "The file is locked with a password. Send it again with its password, or without the lock."
    ),
    gettext_noop("The password does not open the file. Check it and send both again."),
    gettext_noop("The file has no pages. Send a file with at least one page."),
    gettext_noop(
        "The file is a PDF portfolio, a cover with other files inside. Open it, save the invoice "
        "by itself and send that."
    ),
    gettext_noop("The file is damaged or incomplete. Open it, save it anew and send it again."),
    gettext_noop(
        "The file takes more time or memory to draw than is allowed. Print it to a new PDF, or "
        "scan it, and send that."
    ),
    gettext_noop("Every page is blank. Check the scan and send it again."),
    gettext_noop("The service was too busy to open the file in time. Try again later."),
    # Images
    gettext_noop("The image is damaged or incomplete. Open it, save it anew and send it again."),
    gettext_noop(
        "The image is stored in more parts than any camera or scanner writes. Open it, save it "
        "anew and send it again."
    ),
    gettext_noop(
        "The image has more than {limit} million pixels. Scan it at a lower resolution and send it "
        "again."
    ),
    gettext_noop("The image is an animation. Send a still image or a PDF."),
    # Reading without a model
    gettext_noop(
        "This is a scan, and a scan cannot be read without a Gemini key. Add a Gemini key for your "
        "company, or upload the PDF that the supplier sent."
    ),
    gettext_noop(
        "OCR could not read this scan. Upload a clearer or smaller scan, or add a Gemini key for "
        "your company."
    ),
    gettext_noop(
        "The text of this document takes more time to read than is allowed. Print it to a new PDF, "
        "or scan it, and send that."
    ),
    gettext_noop("The service was too busy to read the document in time. Try again later."),
    gettext_noop(
        "There is no readable e-invoice in this document. Send a PDF with an XML invoice attached, "
        "or ask for another reader."
    ),
    # Gemini
    gettext_noop("Gemini cannot be reached."),
    gettext_noop("The page images could not be read. Try again."),
    gettext_noop("Every page is blank. Scan the document again."),
    gettext_noop("Gemini did not answer in time."),
    gettext_noop("The connection to Gemini was lost."),
    gettext_noop("Gemini's answer could not be understood."),
    gettext_noop("Gemini's answer was too large to be read."),
    gettext_noop("The call of Gemini failed."),
    gettext_noop("Gemini is out of order for now. Try again later."),
    gettext_noop("Gemini's rate limit is reached."),
    gettext_noop("The key's quota at Gemini is used up."),
    gettext_noop("The key's project has no quota for this model at Gemini. Check its plan."),
    gettext_noop("The key's project has no credit at Gemini, or no billing. Check its billing."),
    gettext_noop("Gemini rejects this API key. Replace it."),
    gettext_noop("This key may not use the model."),
    gettext_noop("This key has no such model. Check the model's name."),
    gettext_noop("This key's project may not use Gemini. Check its region and billing."),
    gettext_noop("The document is too large for Gemini. Split it."),
    gettext_noop("Gemini cannot process this document."),
    gettext_noop("Gemini refuses to read this document for its contents."),
    gettext_noop("Gemini broke off its answer, which resembled a published text."),
    gettext_noop("Gemini gave an empty answer."),
    gettext_noop("The answer was longer than the limit set for it."),
    gettext_noop("Gemini's answer did not have the form asked for."),
    # Keys and quotas
    gettext_noop(
        "No key is stored for this company. Check the company id, or ask support for a key."
    ),
    gettext_noop(
        "A key of the company has expired and none is active. Renew the subscription to go on."
    ),
    gettext_noop(
        "The company's keys are used up, disabled, unreadable or of an unknown provider. Ask "
        "support to check them."
    ),
    gettext_noop(
        "A quota in {currency} is set, and the model {model} has no price in it. Ask support to "
        "enter the price."
    ),
    gettext_noop("A quota of the company or of its keys is used up. Ask support to raise it."),
    gettext_noop(
        "A quota of the company or of its keys is used up for this period. It renews at {day}."
    ),
    gettext_noop(
        "No key of the company has enough quota left for this document. Ask support to raise the "
        "limit."
    ),
    gettext_noop(
        "No key of the company has enough quota left for this document. Ask support to raise the "
        "limit. A quota renews at {day}."
    ),
    gettext_noop("The key that was chosen cannot be used any more. Choose another one."),
    gettext_noop("The key's provider is not supported. Set it to Gemini or Offline."),
    gettext_noop("None of your company's keys could take this invoice now. Try again later."),
    gettext_noop("Its documents are not read until it is opened again. Please contact support."),
    # Exports
    gettext_noop("Too much for one file"),
    gettext_noop("This export holds at most {limit} documents. Choose fewer, or filter."),
    gettext_noop("Not an e-invoice"),
    gettext_noop("Not approved"),
    gettext_noop(
        "The invoice is not approved, and e-invoices are made of approved ones only: approve it "
        "first."
    ),
    # The service
    gettext_noop("The service cannot store files at the moment. Try again later."),
    gettext_noop("The service cannot reach its database. Try again in a moment."),
    gettext_noop("The service sends too many files at once. Try again later."),
    gettext_noop("An internal error came after the document was read. Contact support."),
    gettext_noop(
        "Reading this document failed unexpectedly more than once. Check the file, or contact "
        "support."
    ),
    gettext_noop("It was cancelled by {by} before it was read. Send it again to have it read."),
)


def told(text: str | None) -> str:
    """Return a failure's message or detail in the reader's language; any other text as it is."""
    return wording.translated(text, TEXTS) if text else ""
