"""What a company's row says is what people begin with."""

import pytest
from django.test import Client

from extraction.branches import branches_of
from extraction.company_defaults import default_profile, default_reader
from extraction.models import ExportProfile, Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tokens.models import Company, TokenMaster

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile() -> ExportProfile:
    profile = ExportProfile.objects.create(name="For the ledger")
    profile.columns.create(position=1, path="invoice_number", heading="Our number")
    return profile


def with_defaults(**fields: str) -> None:
    Company.objects.update_or_create(company_id="NT047", defaults=fields)


def test_branches_that_staff_entered_come_first() -> None:
    with_defaults(branches="South\nNorth")
    for branch in ("Attic", "North"):
        make_extraction(branch=branch)
    make_extraction(company_id="nt047", branch="Cellar")

    assert branches_of(["NT047", "nt047", "NT048"]) == {
        "NT047": ["South", "North", "Attic"],
        "nt047": ["South", "North", "Cellar"],
        "NT048": [],
    }


def test_upload_is_read_as_the_company_has_it(signed_in: Client, token: TokenMaster) -> None:
    signed_in.post("/", {"company_id": "NT047", "file": upload(pdf("one"))})
    with_defaults(default_reader="model")
    signed_in.post("/", {"company_id": "NT047", "file": upload(pdf("two"))})

    readers = Extraction.objects.order_by("created_at").values_list("reader", flat=True)
    assert list(readers) == ["auto", "model"]


@pytest.mark.parametrize("stored", ["", "gone"])
def test_reader_that_there_is_none_of_is_auto(stored: str) -> None:
    with_defaults(default_reader=stored)

    assert default_reader("NT047") == "auto"


def test_export_of_one_companys_documents_has_its_columns(
    signed_in: Client, token: TokenMaster, profile: ExportProfile
) -> None:
    done = make_extraction(
        state=State.SUCCEEDED, http_status=200, result=make_invoice().model_dump(mode="json")
    )

    def headings() -> str:
        sent = {"action": "csv", "chosen": str(done.pk)}
        answer = signed_in.post("/extractions/act/", sent)
        return b"".join(answer).decode("utf-8-sig").splitlines()[0]

    every = headings()
    with_defaults(export_as=f"csv:{profile.pk}")

    assert every.startswith("extraction.id,")
    assert headings() == "Our number"


@pytest.mark.parametrize(
    "stored", ["", "csv", "csv:7b0b7f1c-4a43-4c55-9d6a-2f1f5a1c0f11", "csv:x", "xlsx:"]
)
def test_profile_that_there_is_none_of_is_none(stored: str) -> None:
    with_defaults(export_as=stored)

    assert default_profile("NT047", "csv") is None


def test_profile_of_another_format_is_none(profile: ExportProfile) -> None:
    with_defaults(export_as=f"csv:{profile.pk}")

    assert default_profile("NT047", "csv") == profile
    assert default_profile("NT047", "xlsx") is None
    assert default_profile("NT048", "csv") is None
