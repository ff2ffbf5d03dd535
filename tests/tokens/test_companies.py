"""Companies: one row for each id, however it is written."""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.state import StateApps
from django.db.models import Manager, QuerySet
from pytest_django import DjangoAssertNumQueries, Settings

from extraction.worker.housekeeping import run_housekeeping
from tests.old_database import migrate, old_database
from tests.tokens.rows import insert_by_sql, make_token
from tokens import companies
from tokens.companies import register
from tokens.models import Company, company

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


@pytest.mark.parametrize("same", ["nt047", " NT047", "NT047\t", "  Nt047  "])
def test_id_is_unique_without_regard_to_case_and_blanks(same: str) -> None:
    Company.objects.create(company_id="NT047")

    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(company_id=same)

    assert Company.objects.written(same).get().company_id == "NT047"


@pytest.mark.parametrize(("one", "other"), [("Straße 1", "STRASSE 1"), ("ΚΌΣΜΟΣ", "κόσμος")])
def test_case_is_that_of_every_alphabet(one: str, other: str) -> None:
    Company.objects.create(company_id=one)

    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(company_id=other)


def test_longest_id_that_folding_lengthens_fits() -> None:
    longest = "ΐ" * 50

    company = Company.objects.create(company_id=longest)

    company.refresh_from_db()
    assert (company.company_id, len(company.folded_id)) == (longest, 150)


def test_id_is_kept_without_blanks_around_it() -> None:
    Company.objects.create(company_id=" NT047 ")

    assert Company.objects.get().pk == "NT047"


def test_ids_that_differ_are_different_companies() -> None:
    for company_id in ("NT047", "NT47", "NT 047", "NT047B"):
        Company.objects.create(company_id=company_id)

    assert Company.objects.count() == 4


def test_time_zone_is_the_sites_where_it_has_none(settings: Settings) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"

    assert Company().zone == ZoneInfo("Asia/Kathmandu")
    assert Company(time_zone="Europe/Berlin").zone == ZoneInfo("Europe/Berlin")


def test_branches_are_the_lines_each_once() -> None:
    assert Company(branches="Pokhara\r\n\n Kathmandu \nPokhara").branch_names == [
        "Pokhara",
        "Kathmandu",
    ]


def test_first_key_makes_its_company() -> None:
    make_token()
    make_token("another-key", company_name="RUBI TRADERS PVT LTD")

    [company] = Company.objects.all()
    assert (company.company_id, company.name) == ("NT047", "RUBI TRADERS")
    assert str(company) == "RUBI TRADERS (NT047)"


@pytest.mark.django_db(transaction=True)
def test_worker_adds_the_company_of_a_key_inserted_by_sql() -> None:
    insert_by_sql(company_id="NT099")

    run_housekeeping()

    [company] = Company.objects.all()
    assert (company.pk, company.folded_id, company.name) == ("NT099", "nt099", "RUBI TRADERS")


def test_looking_for_companies_takes_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_token()
    make_token("of-another", company_id="NT048")

    with django_assert_num_queries(1):
        assert companies.register_used() == 0


def test_key_with_another_spelling_is_of_the_same_company(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_token()
    insert_by_sql("of-another", company_id="nt047")

    with caplog.at_level(logging.WARNING):
        added = [companies.register_used(), companies.register_used()]

    if connection.vendor == "microsoft":  # finds both ids equal
        return
    assert added == [0, 0]
    assert Company.objects.get().ids == ["NT047", "nt047"]
    assert len(caplog.messages) == 1
    assert "'NT047' and 'nt047' differ only in case or blanks" in caplog.text


@pytest.mark.parametrize("empty", ["", "   "])
def test_key_without_a_company_makes_none(empty: str) -> None:
    insert_by_sql(company_id=empty)

    assert companies.register_used() == 0
    assert not Company.objects.exists()


def test_name_is_filled_in_and_never_replaced() -> None:
    register(Company.objects, {"NT047": ""})
    register(Company.objects, {"NT047": "RUBI TRADERS"})
    register(Company.objects, {"nt047": "Another name"})

    assert Company.objects.get().name == "RUBI TRADERS"


def test_company_that_another_process_adds_at_the_same_moment_is_no_error() -> None:
    Company.objects.create(company_id="NT047")

    class Late(Manager[Company]):
        """Looks for the row a moment before it is there."""

        looks = 0

        def filter(self, *args: Any, **kwargs: Any) -> QuerySet[Company]:
            self.looks += 1
            return Company.objects.none() if self.looks == 1 else super().filter(*args, **kwargs)

    late = Late()
    late.model = Company
    assert register(late, {"NT047": "RUBI TRADERS"}) == 0

    assert Company.objects.get().name == "RUBI TRADERS"


@pytest.fixture
def before(transactional_db: None, tmp_path: Path) -> Iterator[StateApps]:
    """The models before there were companies."""
    earlier = [("extraction", "0021_page_turns"), ("tokens", "0010_installation")]
    with old_database(tmp_path, *earlier) as apps:
        yield apps


def migrate_to_companies() -> None:
    migrate(("extraction", "0022_fill_companies"))


def insert_key(apps: StateApps, company_id: str, name: str | None = None) -> None:
    apps.get_model("tokens", "TokenMaster").objects.create(
        company_id=company_id, company_name=name, api_key="", provider="Offline"
    )


@pytest.mark.no_cover  # migrations are not measured
def test_migration_makes_one_company_of_each_id_in_use(before: StateApps) -> None:
    insert_key(before, "NT047", "RUBI TRADERS")
    insert_key(before, "NT048")
    client = before.get_model("extraction", "ApiClient").objects.create(
        name="erp", prefix="abcdefgh", hashed_key="x", id="abcdefgh.x"
    )
    user = before.get_model("auth", "User").objects.create(username="asha")
    usage = before.get_model("tokens", "TokenUsageLog").objects
    usage.create(company_id="NT049", attempt_id="6a1f0f4e-0000-4000-8000-000000000001")
    usage.create(company_id=None, attempt_id="6a1f0f4e-0000-4000-8000-000000000002")
    before.get_model("extraction", "ApiClientCompany").objects.create(
        client=client, company_id="NT050"
    )
    before.get_model("extraction", "CompanyGrant").objects.create(user=user, company_id="NT051")
    before.get_model("extraction", "Extraction")(company_id="NT052", size=1, page_count=1).save()

    migrate_to_companies()

    named = dict(Company.objects.values_list("company_id", "name"))
    assert named == {
        "NT047": "RUBI TRADERS",
        **dict.fromkeys(["NT048", "NT049", "NT050", "NT051", "NT052"], ""),
    }


@pytest.mark.no_cover  # migrations are not measured
def test_migration_makes_one_company_of_the_ways_to_write_an_id(
    before: StateApps, caplog: pytest.LogCaptureFixture
) -> None:
    insert_key(before, "nt047 ")
    insert_key(before, "NT047", "RUBI TRADERS")
    insert_key(before, "  ")
    user = before.get_model("auth", "User").objects.create(username="asha")
    grants = before.get_model("extraction", "CompanyGrant").objects
    grants.create(user=user, company_id="Nt047")
    extraction = before.get_model("extraction", "Extraction")(
        company_id="NT047", size=1, page_count=1
    )
    extraction.save()

    migrate_to_companies()

    company = Company.objects.get()
    assert (company.company_id, company.name) == ("nt047", "RUBI TRADERS")
    if connection.vendor != "microsoft":  # finds them equal
        assert company.ids == ["nt047", "nt047 ", "NT047", "Nt047"]
    assert "differ only in case or blanks" in caplog.text
    # Nothing was rewritten: what names an id goes on naming it.
    assert grants.values_list("company_id", flat=True).get() == "Nt047"


def test_want_of_file_handles_changes_no_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a zone is looked up as is remembered: periods of quotas would begin at another hour."""
    company._known_zone.cache_clear()  # an earlier test may have looked it up
    with monkeypatch.context() as patch:

        def fail(*_: object) -> NoReturn:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        patch.setattr(company, "ZoneInfo", fail)
        with pytest.raises(OSError, match="Too many open files"):
            company.zone_named("Asia/Kathmandu")

    assert company.zone_named("Asia/Kathmandu") == ZoneInfo("Asia/Kathmandu")
