"""The page that orders an erasure: counts first, then what was shown is typed once more."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from extraction import erasure_orders
from extraction.models import Erasure, ErasureScope, Extraction
from extraction.roles import DATA_PROTECTION
from logs.models import AuditEntry
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_user
from tokens.models import Company

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files", "data_dir")]

LIST = "/admin/extraction/erasure/"
ADD = f"{LIST}add/"
FORM = {"scope": "company", "subject": "NT047", "why": "They asked for it."}


@pytest.fixture
def eraser(db: None) -> Client:
    """Of the role that erases data."""
    user = make_user("eraser", DATA_PROTECTION)
    client = Client()
    client.force_login(user)
    return client


def test_counts_are_shown_before_anything_is_ordered(eraser: Client) -> None:
    make_succeeded()

    assert "erased for good" in eraser.get(ADD).content.decode()
    page = eraser.post(ADD, FORM).content.decode()

    assert "This cannot be undone" in page
    assert "1 document with its pages" in page
    assert 'name="confirmation"' in page
    assert '<input type="hidden" name="subject" value="NT047"' in page
    assert "<strong>NT047</strong>" in page
    assert not Erasure.objects.exists()


@pytest.mark.parametrize("typed", ["", "nt047", "NT04"])
def test_another_word_than_the_one_shown_orders_nothing(eraser: Client, typed: str) -> None:
    make_succeeded()

    page = eraser.post(ADD, {**FORM, "confirmation": typed}).content.decode()

    assert "1 document with" in page
    assert not Erasure.objects.exists()


def test_what_is_typed_once_more_is_ordered(eraser: Client) -> None:
    make_succeeded()

    told = eraser.post(ADD, {**FORM, "confirmation": "NT047"}, follow=True).content.decode()

    erasure = Erasure.objects.get()
    assert (erasure.scope, erasure.subject, erasure.asked_by) == ("company", "NT047", "eraser")
    assert "It is being erased." in told
    assert "All of a company: NT047" in told
    entry = AuditEntry.objects.get(action="erased")
    assert (entry.company_id, entry.why) == ("NT047", "They asked for it.")
    assert Extraction.objects.exists(), "the workers do it"
    assert eraser.get(f"{LIST}{erasure.pk}/change/").status_code == 200
    assert eraser.post(f"{LIST}{erasure.pk}/change/", {"why": "x"}).status_code == 403
    assert eraser.post(f"{LIST}{erasure.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"subject": "NT999"}, "There is no company of this id."),
        ({"scope": "extraction", "subject": "x"}, "There is no document of this id."),
        (
            {"scope": "extraction", "subject": "0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"},
            "There is no document of this id.",
        ),
        (
            {"scope": "person", "subject": "Zoë", "why": "zoë asked."},
            "Do not name the person: the reason is kept.",
        ),
        ({"why": ""}, "This field is required."),
        ({"scope": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_erased_is_explained(
    eraser: Client, fields: dict[str, str], problem: str
) -> None:
    make_succeeded()

    for more in ({}, {"confirmation": fields.get("subject", "NT047")}):
        page = eraser.post(ADD, {**FORM, **fields, **more}).content.decode()

        assert problem in page
    assert not Erasure.objects.exists()


def test_a_person_who_has_no_document_can_be_erased(eraser: Client) -> None:
    """Usage of a time when the database was away, and log records, have none."""
    page = eraser.post(ADD, {**FORM, "scope": "person", "subject": "Zoë"}).content.decode()

    assert "0 documents" in page


def test_staff_without_the_right_neither_order_nor_see(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="add_erasure"))
    client.force_login(clerk)

    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {**FORM, "confirmation": "NT047"}).status_code == 403
    assert client.get(LIST).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_erasure"))
    assert client.get(LIST).status_code == 200


@pytest.fixture
def theirs(eraser: Client) -> Extraction:
    """A document of NT048, of which the eraser, now bound to NT047, is to learn nothing."""
    company = Company.objects.create(company_id="NT047")
    User.objects.get(username="eraser").staff_companies.create(company=company)
    Company.objects.create(company_id="NT048")
    return make_succeeded(company_id="NT048")


def test_staff_of_a_company_erase_its_documents(eraser: Client, theirs: Extraction) -> None:
    mine = make_succeeded()

    for scope, subject in (("company", "NT047"), ("extraction", mine.pk), ("person", "Zoë")):
        form = {**FORM, "scope": scope, "subject": subject}
        assert "Of your companies alone (NT047)" in eraser.post(ADD, form).content.decode()
        eraser.post(ADD, {**form, "confirmation": subject})
        erasure = Erasure.objects.order_by("pk").last()
        assert erasure is not None
        assert (erasure.scope, erasure.company_id) == (scope, "NT047")
        assert eraser.get(f"{LIST}{erasure.pk}/change/").status_code == 200


def test_staff_of_a_company_erase_and_see_nothing_of_another(
    eraser: Client, theirs: Extraction
) -> None:
    root = User.objects.create_superuser("root")
    orders = [("company", "NT048"), ("extraction", str(theirs.pk)), ("person", "Zoë Smith")]
    for scope, subject in orders:
        form = {**FORM, "scope": scope, "subject": subject, "confirmation": subject}
        erasure_orders.order(ErasureScope(scope), subject, by=root, why="Asked of NT048.")
        if scope != "person":
            page = eraser.post(ADD, form).content.decode()
            assert "There is no" in page
            assert "pages, results and words" not in page

    assert Erasure.objects.filter(asked_by="eraser").count() == 0
    listed = eraser.get(LIST).content.decode()
    assert "NT048" not in listed
    assert "Smith" not in listed
    for erasure in Erasure.objects.all():
        assert eraser.get(f"{LIST}{erasure.pk}/change/").status_code == 404
