"""What each role can do with a document, on the pages and by a session at the API."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from extraction import deletion, outcomes, submission
from extraction.access import NotAllowed, Principal
from extraction.listing.actions import ACTIONS
from extraction.models import Extraction, Right, State
from extraction.review import decisions
from extraction.review.edits import Edit
from extraction.roles import AUDITOR, LEAD, OPERATOR, SUPPORT, TOKEN_MANAGER, RoleKind
from tests.extraction.factories import make_extraction, make_user
from tests.extraction.listing.rows import html
from tests.extraction.test_mistakes import read_one

pytestmark = pytest.mark.django_db

# The names of the buttons and links of a result page, by the right that shows them.
BUTTONS = {
    Right.CORRECT: ("/read-again/", "/review/"),
    Right.DELETE: ("/delete/",),
}
RIGHTS = {
    OPERATOR: {Right.UPLOAD, Right.CORRECT, Right.RETRY},
    LEAD: set(Right),
    TOKEN_MANAGER: set(),
    AUDITOR: set(),
    SUPPORT: {Right.RETRY},
}
EVERY_ROLE = pytest.mark.parametrize("role", list(RIGHTS), ids=lambda role: role.name)


def session_of(role: RoleKind) -> Client:
    client = Client()
    client.force_login(make_user("ina", role, "NT047"))
    return client


def failed() -> Extraction:
    return make_extraction(state=State.FAILED, error_message="No.", http_status=502)


@EVERY_ROLE
def test_result_page_offers_what_the_role_may(role: RoleKind) -> None:
    client = session_of(role)

    page = html(client.get(f"/extractions/{read_one().pk}/"))
    of_failed = html(client.get(f"/extractions/{failed().pk}/"))
    of_queued = html(client.get(f"/extractions/{make_extraction().pk}/"))

    main = page.partition("<main")[2]
    for right, addresses in BUTTONS.items():
        for address in addresses:
            assert (address in main) == (right in RIGHTS[role])
    assert ("/retry/" in of_failed) == (Right.RETRY in RIGHTS[role])
    assert ("/cancel/" in of_queued) == (Right.RETRY in RIGHTS[role])


@EVERY_ROLE
def test_list_offers_what_the_role_may_and_refuses_the_rest(role: RoleKind) -> None:
    client = session_of(role)
    extraction = read_one(needs_review=False)

    page = html(client.get("/extractions/"))

    offered = {name for name, action in ACTIONS.items() if action.right in RIGHTS[role]}
    assert set(re.findall(r'name="action" value="([\w-]+)"', page)) == offered
    assert ('name="chosen"' in page) == bool(offered)
    for name in set(ACTIONS) - offered:
        form = {"action": name, "chosen": [str(extraction.pk)]}
        assert client.post("/extractions/act/", form).status_code == 403
    extraction.refresh_from_db()
    assert (extraction.reviewed_at, extraction.deleted_at) == (None, None)


@EVERY_ROLE
def test_navigation_leads_where_the_role_has_something_to_do(role: RoleKind) -> None:
    client = session_of(role)
    read_one(needs_review=True)

    start = html(client.get("/", follow=True))

    may = RIGHTS[role]
    assert ("<h1>Upload invoices</h1>" in start) == (Right.UPLOAD in may)
    assert ('<a href="/" ' in start) == (Right.UPLOAD in may)
    assert ("Needs review (1)" in start) == (Right.CORRECT in may)


ADDRESSES: list[tuple[Right, str, str]] = [
    (Right.CORRECT, "get", "/extractions/{pk}/review/"),
    (Right.CORRECT, "post", "/extractions/{pk}/review/"),
    (Right.CORRECT, "post", "/extractions/{pk}/review/check/"),
    (Right.CORRECT, "get", "/extractions/{pk}/read-again/"),
    (Right.RETRY, "post", "/extractions/{pk}/retry/"),
    (Right.RETRY, "post", "/extractions/{pk}/cancel/"),
    (Right.DELETE, "post", "/extractions/{pk}/delete/"),
    (Right.DELETE, "post", "/extractions/{pk}/undo/"),
    (Right.DELETE, "post", "/extractions/deleted/undo/"),
    (Right.EXPORT, "get", "/exports/csv/?ids={pk}"),
    (Right.EXPORT, "get", "/extractions/{pk}/ubl/"),
    (Right.EXPORT, "get", "/api/v1/exports/csv/"),
    (Right.CORRECT, "patch", "/api/v1/extractions/{pk}/"),
    (Right.DELETE, "delete", "/api/v1/extractions/{pk}/"),
    (Right.APPROVE, "post", "/api/v1/extractions/{pk}/approve/"),
    (Right.APPROVE, "post", "/api/v1/extractions/{pk}/reject/"),
    (Right.RETRY, "post", "/api/v1/extractions/{pk}/cancel/"),
    (Right.RETRY, "post", "/api/v1/extractions/{pk}/retry/"),
]


@EVERY_ROLE
@pytest.mark.parametrize(("right", "method", "address"), ADDRESSES)
def test_address_is_refused_without_its_right(
    role: RoleKind, right: Right, method: str, address: str
) -> None:
    extraction = read_one()
    client = APIClient() if "/api/" in address else Client()
    client.force_login(make_user("ina", role, "NT047"))
    options: dict[str, Any] = {}
    if address.endswith(("/reject/", "/approve/")) or method == "patch":
        body = {"reason": "No."} if address.endswith("/reject/") else {}
        options = {"data": body, "format": "json", "headers": {"If-Match": '"0-succeeded"'}}

    answer = getattr(client, method)(address.format(pk=extraction.pk), **options)

    assert (answer.status_code == 403) == (right not in RIGHTS[role])
    if answer.status_code == 403 and "/api/" in address:
        assert answer.json()["code"] == "not_allowed"
    extraction = Extraction.with_deleted.get(pk=extraction.pk)
    if right not in RIGHTS[role]:
        assert (extraction.version, extraction.deleted_at) == (0, None)


@EVERY_ROLE
def test_upload_is_refused_without_the_right(role: RoleKind) -> None:
    client = session_of(role)
    file = SimpleUploadedFile("a.pdf", b"no document")

    page = client.post("/", {"file": file, "company_id": "NT047"}).content.decode()
    file.seek(0)
    answer = client.post("/extract", {"file": file, "companyID": "NT047", "username": "ina"})

    may_upload = Right.UPLOAD in RIGHTS[role]
    assert ("There is no company that you may upload for." in page) != may_upload
    # Who may is told about the document.
    assert answer.status_code == (415 if may_upload else 403)
    assert (answer.json()["code"] == "company_not_allowed") != may_upload
    assert not Extraction.objects.exists()


def acts(by: Principal) -> dict[str, tuple[Right, Callable[[Extraction], object]]]:
    """Every function of the domain that changes an extraction for somebody."""
    edit = Edit({"total_amount": "5"})
    return {
        "correct": (
            Right.CORRECT,
            lambda each: decisions.correct(each, edit, by=by, version=each.version),
        ),
        "approve": (
            Right.APPROVE,
            lambda each: decisions.approve(each, by=by, version=each.version, anyway=True),
        ),
        "reject": (
            Right.APPROVE,
            lambda each: decisions.reject(each, "No.", by=by, version=each.version),
        ),
        "delete": (Right.DELETE, lambda each: deletion.delete(each, by=by)),
        "undo": (Right.DELETE, lambda each: deletion.undo(each, by=by)),
        "cancel": (Right.RETRY, lambda each: outcomes.cancel(each, by=by)),
        "retry": (Right.RETRY, lambda each: submission.retry(each, by=by)),
        "read_again": (Right.CORRECT, lambda each: submission.read_again(each, by=by)),
    }


@EVERY_ROLE
@pytest.mark.parametrize("name", list(acts(None)))  # type: ignore[arg-type]  # only the names
def test_domain_demands_the_right(role: RoleKind, name: str) -> None:
    user = make_user("ina", role, "NT047")
    right, act = acts(Principal(f"user:{user.pk}", "ina", user))[name]
    extraction = read_one()

    if right in RIGHTS[role]:
        act(extraction)
    else:
        with pytest.raises(NotAllowed):
            act(extraction)


def test_who_may_approve_and_not_correct_approves_what_stands() -> None:
    user = User.objects.create_user("ina")
    user.company_grants.create(company_id="NT047")
    user.user_permissions.add(Permission.objects.get(codename=Right.APPROVE.codename))
    by = Principal(f"user:{user.pk}", "ina", user)
    extraction = read_one()

    with pytest.raises(NotAllowed):
        decisions.approve(extraction, Edit({"total_amount": "5"}), by=by, version=0, anyway=True)
    assert decisions.approve(extraction, by=by, version=0, anyway=True).reviewed_by == "ina"


def test_operator_saves_and_neither_approves_nor_rejects() -> None:
    client = session_of(OPERATOR)
    extraction = read_one()
    address = f"/extractions/{extraction.pk}/review/"

    page = html(client.get(address))
    answers = [
        client.post(address, {"version": "0", "action": action, "rejection": "No."}).status_code
        for action in ("approve", "approve-anyway", "reject")
    ]

    assert "Approve, next" not in page
    assert "Reject" not in page
    assert 'name="action" value="save"' in page
    assert answers == [403, 403, 403]


def test_page_turned_by_who_changes_nothing_is_turned_for_them_alone(
    data_dir: object,
) -> None:
    extraction = read_one()
    address = f"/extractions/{extraction.pk}/pages/1/turn/"

    assert session_of(AUDITOR).post(address, {"degrees": "90"}).json() == {"degrees": 90}

    assert 'data-turn="90"' not in html(
        session_of_superuser().get(f"/extractions/{extraction.pk}/")
    )


def session_of_superuser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_auditor_without_grants_reads_every_page_of_every_company() -> None:
    client = Client()
    client.force_login(make_user("ina", AUDITOR))
    theirs = read_one(company_id="NT999", file_name="theirs.pdf", needs_review=True)
    gone = read_one(company_id="NT999", deleted_at="2026-11-27T10:00Z", deleted_by="bela")

    assert client.get("/")["Location"] == "/extractions/"
    assert "theirs.pdf" in html(client.get("/extractions/"))
    assert html(client.get("/extractions/deleted/")).count("bela") == 1
    for pk in (theirs.pk, gone.pk):
        page = html(client.get(f"/extractions/{pk}/"))
        assert "<form" not in page.partition("<main")[2].replace(
            '<form method="post" action="/l', ""
        )
    assert client.get(f"/api/v1/extractions/{theirs.pk}/").status_code == 200


def test_chosen_documents_without_the_right_for_their_company_are_left_out() -> None:
    client = Client()
    user = make_user("ina", AUDITOR, "NT047")
    user.groups.add(*make_user("lea", LEAD).groups.all())
    client.force_login(user)
    mine, theirs = read_one(), read_one(company_id="NT999")

    page = html(
        client.post(
            "/extractions/act/",
            {"action": "delete", "chosen": [str(mine.pk), str(theirs.pk)]},
            follow=True,
        )
    )
    none = html(
        client.post(
            "/extractions/act/", {"action": "delete", "chosen": str(theirs.pk)}, follow=True
        )
    )

    assert "1 deleted" in page
    assert "You may not do that with these documents." in none
    assert list(Extraction.objects.all()) == [theirs]


def test_support_retries_in_the_admin_and_others_of_its_viewers_do_not() -> None:
    form = {"action": "retry", "_selected_action": [str(failed().pk)], "why": "It was away."}
    for role, state in ((AUDITOR, State.FAILED), (SUPPORT, State.QUEUED)):
        client = Client()
        client.force_login(make_user(role.name, role))
        assert client.get("/admin/extraction/extraction/").status_code == 200
        client.post("/admin/extraction/extraction/", form)
        assert Extraction.objects.get().state == state
