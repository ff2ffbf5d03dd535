"""Profiles that staff edit, and those that come along."""

from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from extraction.exports.csv_file import csv_file
from extraction.exports.layout import layout_of
from extraction.exports.values import known_paths
from extraction.models import ExportColumn, ExportProfile
from ocrsite.lib.initial_rows import InsertRows
from tests.extraction.exports.made_up import make_exported

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

ADD = "/admin/extraction/exportprofile/add/"
MIGRATION = ("extraction", "0016_first_export_profiles")


def bring_profiles() -> None:
    """What migrate does on a fresh installation. Tests that empty all tables take them away."""
    ExportProfile.objects.all().delete()
    apps = MigrationLoader(None).project_state(MIGRATION).apps
    migration = import_module(f"extraction.migrations.{MIGRATION[1]}").Migration
    for operation in migration.operations:
        assert isinstance(operation, InsertRows)
        operation.code(apps, connection.schema_editor())


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_plain_profile_comes_along_with_every_header_field() -> None:
    bring_profiles()
    layout = layout_of(ExportProfile.objects.get(name="Plain"))

    headings, row = b"".join(csv_file([make_exported()], layout)).decode().splitlines()[:2]

    assert headings.startswith("\ufeffid,file_name,company_id,branch,received,needs_review,")
    assert "supplier.tax_id,supplier.address" in headings
    assert ",4711,2026-11-03," in row


def test_profile_like_datevs_comes_along() -> None:
    bring_profiles()
    layout = layout_of(ExportProfile.objects.get(name="DATEV-like"))

    written = b"".join(csv_file([make_exported()], layout)).decode()

    assert written.splitlines() == [
        "\ufeffUmsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Konto;"
        "Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum;Belegfeld 1;Belegfeld 2;"
        "Buchungstext",
        "119,00;S;EUR;;;;03.11.2026;4711;;Supplier <Ltd>",
    ]


def test_profiles_that_come_along_name_values_that_exist() -> None:
    bring_profiles()

    paths = set(ExportColumn.objects.exclude(path="").values_list("path", flat=True))

    assert len(paths) > 30
    assert paths <= set(known_paths())


def form(*columns: tuple[str, str], **fields: str) -> dict[str, str]:
    """What the page of the admin sends."""
    sent = {
        "name": "Mine",
        "format": "csv",
        "rows_per": "invoice",
        "separator": "\t",
        "decimal_sign": ",",
        "date_format": "%d.%m.%Y",
        "columns-TOTAL_FORMS": str(len(columns)),
        "columns-INITIAL_FORMS": "0",
        **fields,
    }
    for at, (path, heading) in enumerate(columns):
        sent |= {
            f"columns-{at}-position": str(len(columns) - at),
            f"columns-{at}-path": path,
            f"columns-{at}-heading": heading,
        }
    return sent


def test_staff_compose_a_profile(staff: Client) -> None:
    ExportProfile.objects.all().delete()
    page = staff.get(ADD).content.decode()
    response = staff.post(ADD, form(("supplier.name", "Name"), ("total_amount", "Betrag")))

    assert '<option value="line_items.amount">' in page
    assert response.status_code == 302
    layout = layout_of(ExportProfile.objects.get())
    written = b"".join(csv_file([make_exported()], layout)).decode()
    assert written == "Betrag\tName\r\n119,00\tSupplier <Ltd>\r\n"


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (form(("supplier.secret", "x")), "Select a valid choice."),
        (form(("line_items.amount", "x")), "Values of lines need one row per line."),
        (form(("iban", "")), "This field is required."),
        (form(), "Please submit at least 1 form."),
        (form(("iban", "x"), separator="|"), "Select a valid choice."),
        (form(("iban", "x"), date_format="%c"), "Select a valid choice."),
    ],
)
def test_admin_says_what_is_wrong_with_a_profile(
    staff: Client, sent: dict[str, str], problem: str
) -> None:
    before = ExportProfile.objects.count()

    response = staff.post(ADD, sent)

    assert response.status_code == 200
    assert problem in response.content.decode()
    assert ExportProfile.objects.count() == before


def test_values_of_lines_are_right_with_one_row_per_line(staff: Client) -> None:
    assert staff.post(ADD, form(("line_items.amount", "x"), rows_per="line")).status_code == 302


def test_name_of_a_profile_is_its_own(staff: Client) -> None:
    staff.post(ADD, form(("iban", "x")))

    page = staff.post(ADD, form(("iban", "x"))).content.decode()

    assert "with this Name already exists." in page


def test_profiles_are_for_staff_alone(signed_in: Client) -> None:
    assert signed_in.get(ADD).status_code == 302


def test_list_of_profiles_costs_few_queries(staff: Client, django_assert_num_queries: Any) -> None:
    bring_profiles()

    # Session, user, two counts, rows.
    with django_assert_num_queries(5):
        page = staff.get("/admin/extraction/exportprofile/").content.decode()

    assert "DATEV-like" in page
