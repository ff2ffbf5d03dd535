"""Erasing: what goes, what the ledger keeps, and that a killed worker leaves nothing half done."""

import signal
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from extraction import erasing, erasure_orders
from extraction.documents.intake import documents_folder, folder_of
from extraction.erasure_orders import NotTheirs, Preview
from extraction.models import (
    Attempt,
    Correction,
    Erasure,
    ErasureScope,
    Extraction,
    IdempotencyKey,
    Label,
    State,
)
from logs.models import ApplicationLog, AuditEntry, RetryAttempt
from tests import processes
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction
from tests.extraction.killed import erase_until
from tests.tokens.rows import make_token
from tokens import ledger
from tokens.models import Company, TokenMaster, TokenUsageLog
from tokens.usage import Requester, Usage

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.vendor,
    pytest.mark.usefixtures("data_dir", "static_files"),
]

SECRET = "Zoë Confidential"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def document(key: TokenMaster | None = None, **fields: Any) -> Extraction:
    """One that was read by a call that was charged, corrected, and written to the log."""
    company_id = fields.pop("company_id", "NT047")
    extraction = make_succeeded(company_id=company_id, invoice_number=SECRET)
    values = {
        "file_name": f"{SECRET}.pdf",
        "requested_by": "Zoë",
        "reviewed_by": "sita",
        "rejection": SECRET,
        "supplier_name": SECRET,
        "received_from": "192.0.2.7",
        "received_in": str(uuid.uuid4()),
        "original": {"invoice_number": SECRET},
        **fields,
    }
    Extraction.objects.filter(pk=extraction.pk).update(**values)
    extraction.refresh_from_db()
    folder = folder_of(extraction.pk)
    folder.mkdir(parents=True)
    (folder / "document.pdf").write_text(SECRET)
    call = Attempt.objects.create(
        extraction=extraction,
        number=1,
        token=key or TokenMaster.objects.first() or make_token(total_token_limit=10**6),
        model="m",
        reserved=10,
        correction=SECRET,
    )
    ledger.settle(
        call.pk,
        call.token_id,
        Usage(100),
        company_id=company_id,
        branch="",
        requested_by=extraction.requested_by,
    )
    Correction.objects.create(
        extraction=extraction, version=1, path="total_amount", old_value=SECRET
    )
    IdempotencyKey.objects.create(client="c", key=str(uuid.uuid4()), extraction=extraction)
    Label.objects.create(extraction=extraction, key="customer", value=SECRET)
    RetryAttempt.objects.create(
        company_id=company_id, extraction_id=extraction.pk, attempt=1, error_message=SECRET,
        is_retryable=True,
    )  # fmt: skip
    log(f"About {SECRET}", extraction_id=extraction.pk)
    log(f"Came with {SECRET}", request_id=extraction.received_in)
    return extraction


def requester(company_id: str) -> Requester:
    return Requester(company_id=company_id, branch="", requested_by="Zoë")


def log(message: str, **fields: Any) -> ApplicationLog:
    return ApplicationLog.objects.create(level="INFO", logger="test", message=message, **fields)


def erase(scope: ErasureScope, subject: object, by: User, **options: Any) -> Erasure:
    """Have it done to its end, as a worker does."""
    [erasure] = erasure_orders.order(scope, str(subject), by=by, why="Asked for it.")
    for _ in range(50):
        if erasing.go_on(erasure.pk, **options):
            break
    erasure.refresh_from_db()
    return erasure


def everything() -> str:
    """All that the database says, in every table."""
    models = [model for model in apps.get_models() if model._meta.managed]
    assert {Extraction, Label, AuditEntry, ApplicationLog, LogEntry}.issubset(models)
    managers = [getattr(model, "with_deleted", model._base_manager) for model in models]
    return str([list(manager.values()) for manager in managers])


def spent() -> int:
    return int(TokenUsageLog.objects.aggregate(sum=Sum("total_tokens_used"))["sum"])


def test_nothing_of_a_document_is_left_but_what_it_cost(root: User) -> None:
    extraction, other = document(), document(requested_by="Other")

    erasure = erase(ErasureScope.EXTRACTION, extraction.pk, root)

    assert not folder_of(extraction.pk).exists()
    assert folder_of(other.pk).exists()
    row = Extraction.with_deleted.get(pk=extraction.pk)
    assert (row.requested_by, row.client) == (erasure.pseudonym, "(erased)")
    assert row.erased_at
    assert row.deleted_at
    assert not Correction.objects.filter(extraction=extraction).exists()
    assert Correction.objects.filter(extraction=other).exists()
    assert spent() == 200
    [usage] = TokenUsageLog.objects.filter(requested_by=erasure.pseudonym)
    assert usage.total_tokens_used == 100
    assert (erasure.documents, erasure.corrections, erasure.logs, erasure.usage) == (1, 1, 2, 1)
    assert erasure.ended_at


def test_of_an_erased_document_no_table_says_anything(root: User) -> None:
    document()

    erase(ErasureScope.COMPANY, "NT047", root)

    told = everything()
    for text in (SECRET, "Zoë", "192.0.2.7", "sita"):
        assert text not in told


def test_an_erased_document_is_in_no_page_search_or_export(root: User, client: Client) -> None:
    extraction, other = document(), document(company_id="NT048", file_name="other.pdf")
    client.force_login(root)
    addresses = {
        f"/extractions/{extraction.pk}/": 200,  # which says that it was deleted
        f"/extractions/{extraction.pk}/pages/1/": 404,
        f"/extractions/{extraction.pk}/pages/1/words/": 404,
        f"/extractions/{extraction.pk}/trace/": 200,
        f"/extractions/?text={SECRET}": 200,
        "/extractions/?label=customer": 200,
        "/extractions/deleted/": 200,
        "/exports/jsonl/": 200,
        "/exports/csv/": 200,
        f"/exports/csv/?ids={extraction.pk}": 404,
        f"/admin/extraction/extraction/?q={extraction.pk}": 200,
        "/admin/logs/applicationlog/": 200,
        "/admin/logs/auditentry/": 200,
        "/admin/tokens/tokenusagelog/": 200,
    }

    for scope, subject in ((ErasureScope.COMPANY, "NT047"), (ErasureScope.EXTRACTION, other.pk)):
        erase(scope, subject, root)

    for address, status in addresses.items():
        response: Any = client.get(address)
        assert response.status_code == status, address
        parts = response.streaming_content if response.streaming else [response.content]
        shown = b"".join(parts).decode().replace(f'value="{SECRET}"', "")  # what was searched for
        for text in (SECRET, "192.0.2.7", "sita"):
            assert text not in shown, address


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_a_company_is_erased_in_batches_with_its_rows_of_no_document(
    root: User, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    for name in ("BATCH", "ROWS", "LOOKED_UP"):
        monkeypatch.setattr(erasing, name, batch)
    Company.objects.create(company_id="NT047")
    for _ in range(5):
        document()
    theirs = document(company_id="NT048")
    token = make_token()
    for company_id in ("NT047", "NT048"):
        ledger.settle(uuid.uuid4(), token.pk, Usage(7), **requester(company_id))
        log("Zoë", company_id=company_id)
    before = spent()

    erasure = erase(ErasureScope.COMPANY, "NT047", root)

    assert erasure.documents == 5
    assert erasure.usage == 6
    assert erasure.logs == 11
    assert spent() == before
    names = TokenUsageLog.objects.filter(company_id="NT047").values_list("requested_by", flat=True)
    assert set(names) == {erasure.pseudonym}
    assert Extraction.objects.get().pk == theirs.pk
    assert folder_of(theirs.pk).exists()
    left = set(ApplicationLog.objects.values_list("company_id", "message"))
    assert ("NT048", "Zoë") in left
    assert not ApplicationLog.objects.filter(company_id="NT047").exists()


def test_a_person_is_erased_in_every_company_and_in_texts(root: User) -> None:
    mine = [document(), document(company_id="NT048")]
    theirs = document(requested_by="Zoëlle")
    token_id = mine[0].attempt_set.get().token_id
    ledger.settle(uuid.uuid4(), token_id, Usage(7), **requester("NT049"))
    log("ZOË Smith sent it", user="Zoë Smith", exception="at zoë smith")
    log("of somebody else", user="sita")

    erasure = erase(ErasureScope.PERSON, "Zoë", root)

    assert [erasure.documents, erasure.usage] == [2, 3]
    assert {row.pk for row in Extraction.objects.all()} == {theirs.pk}
    assert not TokenUsageLog.objects.filter(requested_by="Zoë").exists()
    # Three letters stand in too many words.
    assert ApplicationLog.objects.filter(message="ZOË Smith sent it").exists()

    other = erase(ErasureScope.PERSON, "zoë smith", root)
    erase(ErasureScope.PERSON, "Zoë Smith", root)
    [row] = ApplicationLog.objects.filter(message__endswith=" sent it")
    assert row.message == f"{other.pseudonym} sent it"
    assert row.exception == f"at {other.pseudonym}"
    assert row.user
    assert row.user.startswith("erased-")


def test_names_are_found_through_all_records_wherever_a_batch_ends(
    root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "LOOKED_THROUGH", 3)
    for number in range(8):
        log(f"{number} Asha Rai and asha rai" if number % 2 else str(number))

    erasure = erase(ErasureScope.PERSON, "Asha Rai", root)

    texts = [
        text for text in ApplicationLog.objects.values_list("message", flat=True) if "and" in text
    ]
    assert texts == [
        f"{number} {erasure.pseudonym} and {erasure.pseudonym}" for number in (7, 5, 3, 1)
    ]
    assert erasure.logs == 4


@pytest.mark.parametrize("name", ["İstanbul", "STRASSE"])
def test_letters_that_change_their_length_with_their_case_do_no_harm(root: User, name: str) -> None:
    log(f"İ {name} ß {name}")

    erasure = erase(ErasureScope.PERSON, name, root)

    assert ApplicationLog.objects.get().message == (f"İ {erasure.pseudonym} ß {erasure.pseudonym}")


def test_the_audit_list_says_what_and_why_and_never_who_it_was(root: User) -> None:
    document(requested_by="Zoë Smith")

    erasure = erase(ErasureScope.PERSON, "Zoë Smith", root)

    asked, done = AuditEntry.objects.filter(action="erased").order_by("entry_id")
    assert (asked.actor, asked.why, asked.after) == ("root", "Asked for it.", "ordered")
    assert asked.object_name == done.object_name == f"person {erasure.pseudonym}"
    assert (done.actor_kind, done.after) == (
        "system",
        "documents: 1, corrections: 1, log records: 2, usage rows: 1",
    )
    assert erasure.subject == erasure.pseudonym
    assert "Smith" not in everything()


def test_what_waits_is_cancelled_and_what_is_being_read_is_erased_when_it_has_ended(
    root: User,
) -> None:
    waiting = make_extraction()
    running = make_extraction(state=State.PROCESSING, lease_id=uuid.uuid4())

    [erasure] = erasure_orders.order(ErasureScope.COMPANY, "NT047", by=root, why="Asked.")
    assert not erasing.go_on(erasure.pk)

    erasure.refresh_from_db()
    assert erasure.documents == 1
    assert timezone.now() < erasure.leased_until <= timezone.now() + erasing.PAUSE
    assert Extraction.with_deleted.get(pk=waiting.pk).erased_at
    assert Extraction.objects.get().state == State.PROCESSING

    Extraction.objects.end(running, State.SUCCEEDED)
    assert erasing.go_on(erasure.pk)
    assert Extraction.with_deleted.get(pk=running.pk).erased_at


def test_document_whose_disk_is_away_is_erased_when_it_is_back(root: User, data_dir: Path) -> None:
    extraction = document()
    documents_folder()
    (data_dir / "files").rename(data_dir / "elsewhere")

    [erasure] = erasure_orders.order(ErasureScope.COMPANY, "NT047", by=root, why="Asked.")
    assert not erasing.go_on(erasure.pk)
    assert Extraction.with_deleted.get().erased_at is None

    (data_dir / "elsewhere").rename(data_dir / "files")
    assert erasing.go_on(erasure.pk)
    assert not folder_of(extraction.pk).exists()


def test_what_comes_after_the_order_stays(root: User) -> None:
    [erasure] = erasure_orders.order(ErasureScope.COMPANY, "NT047", by=root, why="Asked.")
    later = document()

    assert erasing.go_on(erasure.pk)

    assert Extraction.objects.get().pk == later.pk


def test_deleted_and_purged_ones_are_erased_too(root: User) -> None:
    now = timezone.now()
    deleted = document(deleted_at=now, deleted_by="Zoë")
    purged = document(deleted_at=now, deleted_by="Zoë", purged_at=now)

    assert erase(ErasureScope.PERSON, "Zoë", root).documents == 2

    rows = Extraction.with_deleted.filter(pk__in=[deleted.pk, purged.pk])
    assert {row.deleted_by for row in rows} == {"(erased)"}


def test_files_that_cannot_be_removed_are_tried_again(
    root: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    extraction = document()
    [erasure] = erasure_orders.order(
        ErasureScope.EXTRACTION, str(extraction.pk), by=root, why="Asked."
    )

    def refuse(_folder: Path) -> None:
        raise OSError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("extraction.erasing.shutil.rmtree", refuse)
        assert not erasing.go_on(erasure.pk)
    assert "cannot be removed; it is tried again" in caplog.text

    assert erasing.go_on(erasure.pk)
    assert not folder_of(extraction.pk).exists()


def test_a_time_that_is_up_leaves_the_rest_to_the_next(
    root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "BATCH", 1)
    for _ in range(3):
        document()

    erasure = erase(ErasureScope.COMPANY, "NT047", root, seconds=-1)

    assert (erasure.documents, erasure.corrections, erasure.logs) == (3, 3, 6)
    assert erasure.ended_at


def test_unfinished_ones_are_queued_by_one_worker_until_they_are_done(root: User) -> None:
    [erasure] = erasure_orders.order(ErasureScope.COMPANY, "NT047", by=root, why="Asked.")

    assert [erasing.wake_unfinished() for _ in range(3)] == [1, 0, 0]
    [message] = OrmQ.objects.all()
    assert (message.task["func"], message.task["args"]) == (
        "extraction.erasing.go_on",
        (erasure.pk,),
    )

    # Its worker died.
    Erasure.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert erasing.wake_unfinished() == 1
    assert erasing.go_on(erasure.pk)
    assert not erasing.go_on(erasure.pk)
    Erasure.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert erasing.wake_unfinished() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["_empty", "_remove_files", "_count", "_end"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_at_any_step_leaves_the_rest_to_the_next(
    root: User, data_dir: Path, step: str, when: str
) -> None:
    made = [document() for _ in range(3)]
    before = spent()
    [erasure] = erasure_orders.order(ErasureScope.COMPANY, "NT047", by=root, why="Asked.")

    process = processes.start(erase_until, step, when, erasure.pk, DATA_DIR=data_dir)
    process.join()
    assert process.exitcode == -signal.SIGKILL

    while not Erasure.objects.get().ended_at:
        erasing.go_on(erasure.pk)

    erasure.refresh_from_db()
    assert (erasure.documents, erasure.corrections, erasure.usage) == (3, 3, 3)
    assert not any(folder_of(each.pk).exists() for each in made)
    assert spent() == before
    assert SECRET not in everything()
    assert AuditEntry.objects.filter(action="erased").count() == 2


def test_preview_counts_what_goes(root: User) -> None:
    document()
    document(state=State.PROCESSING)
    document(company_id="NT048", requested_by="Other")
    log("of it", company_id="NT047")
    log("by them", user="Zoë")

    by_company = erasure_orders.preview(ErasureScope.COMPANY, "NT047", by=root)
    by_person = erasure_orders.preview(ErasureScope.PERSON, "Zoë", by=root)

    unknown = erasure_orders.preview(ErasureScope.EXTRACTION, str(uuid.uuid4()), by=root)
    assert by_company == Preview(2, 1, 2, 3, 2)
    assert by_person == Preview(2, 1, 2, 3, 2)
    assert unknown == Preview(0, 0, 0, 0, 0)


@pytest.fixture
def bound(db: None) -> User:
    """Of NT047 and NT050, by whatever spelling rows have."""
    user = User.objects.create_user("mia", is_staff=True)
    companies = [("NT047", ["nt047"]), ("NT050", [])]
    for company_id, others in companies:
        company = Company.objects.create(company_id=company_id, other_spellings=others)
        user.staff_companies.create(company=company)
    return user


def test_who_is_bound_erases_a_person_in_these_companies_and_in_no_other(bound: User) -> None:
    mine = [document(), document(company_id="nt047"), document(company_id="NT050")]
    theirs = document(company_id="NT048")
    token_id = theirs.attempt_set.get().token_id
    for company_id in ("NT050", "NT048"):
        ledger.settle(uuid.uuid4(), token_id, Usage(7), **requester(company_id))
        log("Zoë Smith sent it", user="Zoë", company_id=company_id)
    log("Zoë Smith logged in", user="Zoë")

    counted = erasure_orders.preview(ErasureScope.PERSON, "Zoë", by=bound)
    erasures = erasure_orders.order(ErasureScope.PERSON, "Zoë", by=bound, why="Asked.")
    smiths = erasure_orders.order(ErasureScope.PERSON, "Zoë Smith", by=bound, why="Asked.")
    for erasure in (*erasures, *smiths):
        assert erasing.go_on(erasure.pk)
        erasure.refresh_from_db()

    assert counted == Preview(3, 0, 3, 4, 4)
    assert {(each.company_id, each.documents, each.usage) for each in erasures} == {
        ("NT047", 2, 2),
        ("NT050", 1, 2),
    }
    assert [each.pk for each in Extraction.objects.all()] == [theirs.pk]
    assert not any(folder_of(each.pk).exists() for each in mine)
    theirs_usage = TokenUsageLog.objects.filter(company_id="NT048")
    assert set(theirs_usage.values_list("requested_by", flat=True)) == {"Zoë"}
    assert not TokenUsageLog.objects.exclude(company_id="NT048").filter(requested_by="Zoë")
    kept = set(ApplicationLog.objects.filter(user="Zoë").values_list("company_id", "message"))
    assert kept == {("NT048", "Zoë Smith sent it"), (None, "Zoë Smith logged in")}
    audited = AuditEntry.objects.filter(action="erased").values_list("company_id", flat=True)
    assert set(audited) == {"NT047", "NT050"}


def test_who_is_bound_orders_nothing_about_another_company(bound: User) -> None:
    mine, theirs = document(company_id="nt047"), document(company_id="NT048")
    Company.objects.create(company_id="NT048")

    for give in (erasure_orders.order, erasure_orders.preview):
        why = {"why": "Asked."} if give is erasure_orders.order else {}
        for scope, subject in (
            (ErasureScope.COMPANY, "NT048"),
            (ErasureScope.COMPANY, ""),
            (ErasureScope.EXTRACTION, str(theirs.pk)),
            (ErasureScope.EXTRACTION, str(uuid.uuid4())),
        ):
            with pytest.raises(NotTheirs):
                give(scope, subject, by=bound, **why)
    assert not Erasure.objects.exists()

    for scope, subject in (
        (ErasureScope.COMPANY, "nt047"),
        (ErasureScope.EXTRACTION, str(mine.pk)),
    ):
        [erasure] = erasure_orders.order(scope, subject, by=bound, why="Asked.")
        assert erasing.go_on(erasure.pk)
        assert erasure.company_id.upper() == "NT047"
    assert [each.pk for each in Extraction.objects.all()] == [theirs.pk]
