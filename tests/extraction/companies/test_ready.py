"""One page makes a company ready: all of it, or nothing and an error at its field."""

import re
from collections import Counter
from typing import Any
from unittest import mock

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django_q.models import OrmQ
from pytest_django import Settings

from extraction.accounts import invitation
from extraction.companies import ready
from extraction.models import AccountRule, ApiClient, CompanyGrant, Right
from logs.audit_entry import AuditEntry
from tests.emulator.server import Emulator
from tests.tokens.rows import KEY, make_token
from tokens.models import Company, TokenMaster

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

ADD = "/admin/tokens/company/add/"
PASSWORD = "a-first-password"


def posted(*operators: dict[str, str], **fields: str) -> dict[str, str]:
    """What the page sends, with the operators' rows."""
    rows = {
        f"operators-{number}-{name}": value
        for number, row in enumerate(operators)
        for name, value in {"role": "Operator", **row}.items()
    }
    return {
        "company_id": "NT074",
        "name": "HIMAL FOODS",
        "time_zone": "Asia/Kathmandu",
        "branches": "Kathmandu\nPokhara",
        "default_reader": "model",
        "default_model": "",
        "export_as": "",
        "new_key": KEY,
        "test_key": "on",
        "total_token_limit": "50000",
        "threshold": "2000",
        "client_name": "ERP",
        "operators-TOTAL_FORMS": "3",
        "operators-INITIAL_FORMS": "0",
        **rows,
        **fields,
    }


def errors(response: Any) -> dict[str, list[str]]:
    """The errors of the whole page, by the names of the fields."""
    found: dict[str, list[str]] = {}
    for part in response.context["parts"]:
        form = part.form
        found |= {form.add_prefix(name): list(told) for name, told in form.errors.items()}
    return found


def nothing_is_stored() -> bool:
    made = [Company, TokenMaster, ApiClient, CompanyGrant, AccountRule, OrmQ]
    return not any(model._default_manager.exists() for model in made)


def test_page_makes_all_of_it(
    admin_client: Client, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    asha = {"username": "asha", "password": PASSWORD}

    page = admin_client.post(
        ADD, posted(asha, {"username": "binod", "role": "Lead"})
    ).content.decode()

    company = Company.objects.get()
    assert (company.pk, company.name, company.time_zone) == (
        *("NT074", "HIMAL FOODS", "Asia/Kathmandu"),
    )
    assert (company.branch_names, company.default_reader) == (["Kathmandu", "Pokhara"], "model")
    token = TokenMaster.objects.select_related("summary").get()
    assert (token.company_id, token.company_name, token.reveal_key()) == (
        *("NT074", "HIMAL FOODS", KEY),
    )
    assert (token.total_token_limit, token.summary.threshold) == (50_000, 2000)
    client = ApiClient.objects.get()
    assert [each.company_id for each in client.companies.all()] == ["NT074"]
    assert emulator.counts.calls[0].key == KEY
    assert sorted(CompanyGrant.objects.values_list("user__username", "company_id")) == [
        *(("asha", "NT074"), ("binod", "NT074")),
    ]
    assert AccountRule.objects.filter(must_change_password=True).count() == 2
    for name, may_approve in (("asha", False), ("binod", True)):
        user = User.objects.get(username=name)
        assert user.has_perm(Right.UPLOAD.permission)
        assert user.has_perm(Right.APPROVE.permission) is may_approve
    api_key, made_password = re.findall(r"<code>(.+?)</code>", page)
    assert ApiClient.objects.is_valid(api_key)
    assert User.objects.get(username="binod").check_password(made_password)
    assert User.objects.get(username="asha").check_password(PASSWORD)
    assert "which Gemini accepts" in page
    for secret in (KEY, PASSWORD):
        assert secret not in page
        assert secret not in caplog.text
    assert api_key not in caplog.text
    entries = LogEntry.objects.values_list("change_message", flat=True)
    assert list(entries) == ["Made with the company NT074."] * 5
    recorded = Counter(
        AuditEntry.objects.filter(company_id="NT074").values_list("action", "object_type")
    )
    assert recorded == {
        ("added", "company"): 1,
        ("added", "key"): 1,
        ("added", "API client"): 1,
        ("added", "user"): 2,
        ("changed", "user"): 2,
    }


def test_answer_with_what_is_shown_once_is_kept_nowhere(
    admin_client: Client, emulator: Emulator
) -> None:
    response = admin_client.post(ADD, posted())

    assert "no-store" in response["Cache-Control"]


def test_id_alone_is_enough(admin_client: Client) -> None:
    fields = {"name": "", "new_key": "", "client_name": "", "time_zone": "", "branches": ""}

    page = admin_client.post(ADD, posted(**fields)).content.decode()

    assert Company.objects.get().pk == "NT074"
    assert not TokenMaster.objects.exists()
    assert not ApiClient.objects.exists()
    assert "It has no key yet" in page


@pytest.mark.parametrize(
    ("operators", "fields", "where", "told"),
    [
        ([], {"company_id": " "}, "company_id", "This field is required."),
        ([], {"company_id": "N" * 51}, "company_id", "at most 50 characters"),
        ([], {"company_id": "NT\x0b74"}, "company_id", "must not contain control characters."),
        ([], {"company_id": "NT047"}, "company_id", "There is a company RUBI TRADERS (NT047)"),
        ([], {"company_id": " nt047"}, "company_id", "There is a company RUBI TRADERS (NT047)"),
        ([], {"time_zone": "Asia/Katmandoo"}, "time_zone", "is not one of the available choices"),
        ([], {"new_key": "two words"}, "new_key", "A key has no blanks"),
        ([], {"total_token_limit": "0"}, "total_token_limit", "greater than or equal to 1"),
        ([], {"threshold": "50001"}, "threshold", "The threshold is above the limit."),
        ([], {"default_reader": "x"}, "default_reader", "is not one of the available choices"),
        ([], {"export_as": "csv:1"}, "export_as", "is not one of the available choices"),
        ([], {"client_name": "x" * 51}, "client_name", "at most 50 characters"),
        ([{"username": "a b"}], {}, "operators-0-username", "Enter a valid username."),
        (
            [{"username": "asha"}, {"username": "Asha"}],
            {},
            "operators-1-username",
            "This user is named above already.",
        ),
        ([{"email": "a@example.com"}], {}, "operators-0-username", "This field is required."),
        (
            [{"username": "asha", "email": "no address"}],
            {},
            "operators-0-email",
            "Enter a valid email address.",
        ),
        (
            [{"username": "asha", "email": "asha@example.com"}],
            {},
            "operators-0-password",
            "The site sends no mail",
        ),
        (
            [{"username": "asha", "password": "12345"}],
            {},
            "operators-0-password",
            "This password is too short.",
        ),
        ([{"username": "gone"}], {}, "operators-0-username", "This user is not active."),
        (
            [{"username": "ADMIN", "password": PASSWORD}],
            {},
            "operators-0-password",
            "There is this user already.",
        ),
    ],
)
def test_wrong_entry_is_told_at_its_field_and_stores_nothing(
    admin_client: Client,
    emulator: Emulator,
    operators: list[dict[str, str]],
    fields: dict[str, str],
    where: str,
    told: str,
) -> None:
    Company.objects.create(company_id="NT047", name="RUBI TRADERS")
    User.objects.create_user("gone", is_active=False)

    response = admin_client.post(ADD, posted(*operators, **fields))

    assert list(errors(response)) == [where]
    assert told in " ".join(errors(response)[where])
    assert told.split("“")[0] in response.content.decode().replace("&#x27;", "'")
    assert KEY not in response.content.decode()
    Company.objects.all().delete()
    assert nothing_is_stored()
    assert emulator.counts.calls == ()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("key_invalid", "Gemini rejects this API key. Replace it."),
        ("model_not_found", "This key has no such model. Check the model's name."),
        ("internal", "Gemini is out of order for now. Try again later."),
    ],
)
def test_key_that_gemini_does_not_accept_is_told_and_stores_nothing(
    admin_client: Client, emulator: Emulator, fault: str, told: str
) -> None:
    emulator.faults.add(fault, method="countTokens")

    response = admin_client.post(ADD, posted({"username": "asha"}))

    assert errors(response) == {"new_key": [told]}
    assert nothing_is_stored()


def test_key_is_stored_untested_where_staff_say_so(
    admin_client: Client, emulator: Emulator
) -> None:
    page = admin_client.post(ADD, posted(test_key="")).content.decode()

    assert TokenMaster.objects.get().reveal_key() == KEY
    assert emulator.counts.calls == ()
    assert "which Gemini accepts" not in page


def test_key_is_tested_with_the_companys_model_and_gets_it(
    admin_client: Client, emulator: Emulator
) -> None:
    admin_client.post(ADD, posted(default_model="gemini-own"))

    assert emulator.counts.calls[0].model == "gemini-own"
    assert TokenMaster.objects.get().model == "gemini-own"


def test_whatever_fails_last_undoes_all(admin_client: Client, emulator: Emulator) -> None:
    with mock.patch.object(ready, "AccountRule") as rules:
        rules.objects.create.side_effect = IntegrityError
        response = admin_client.post(ADD, posted({"username": "asha"}))

    [told] = errors(response)["company_id"]
    assert told == (
        "This company, or one of the users, was added a moment ago. Look it up in the list."
    )
    assert nothing_is_stored()
    assert not User.objects.filter(username="asha").exists()


def test_user_that_there_is_gets_the_company_and_keeps_the_rest(
    admin_client: Client, emulator: Emulator
) -> None:
    asha = User.objects.create_user("asha", "asha@example.com", PASSWORD)

    page = admin_client.post(ADD, posted({"username": "ASHA"})).content.decode()

    assert CompanyGrant.objects.get().user == asha
    asha.refresh_from_db()
    assert asha.check_password(PASSWORD)
    assert not AccountRule.objects.exists()
    assert "may act for it now" in page


def test_operator_is_invited_by_mail(
    admin_client: Client, emulator: Emulator, settings: Settings, client: Client
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    asha = {"username": "asha", "email": "asha@example.com"}

    page = admin_client.post(ADD, posted(asha)).content.decode()

    assert "is invited by mail to asha@example.com" in page
    assert mail.outbox == []  # a worker's part
    [message] = [row.task for row in OrmQ.objects.all()]
    assert message()["func"] == ready.INVITE if callable(message) else True
    user = User.objects.get(username="asha")
    assert not AccountRule.objects.exists()
    invitation.send(user.pk, "ocr.example.com", True, "en")

    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["asha@example.com"], "Your account at ocrsite")
    assert "with the user name asha." in sent.body
    [link] = re.findall(r"https://ocr\.example\.com(\S+)", str(sent.body))
    form = client.get(link, follow=True)
    chosen = {"new_password1": "one-of-her-own", "new_password2": "one-of-her-own"}
    client.post(form.redirect_chain[-1][0], chosen)
    user.refresh_from_db()
    assert user.check_password("one-of-her-own")


@pytest.mark.parametrize("fields", [{"is_active": False}, {"email": ""}])
def test_who_cannot_be_invited_any_more_is_not(settings: Settings, fields: dict[str, Any]) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = User.objects.create_user("asha", **{"email": "asha@example.com", **fields})

    invitation.send(user.pk, "ocr.example.com", False, None)

    assert mail.outbox == []


def staff_with(*codenames: str) -> Client:
    """Somebody who may do this and nothing else."""
    user = User.objects.create_user("manager", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_page_offers_only_what_its_user_may_add() -> None:
    manager = staff_with("add_company", "view_company")

    form = manager.get(ADD).content.decode()
    manager.post(ADD, posted({"username": "asha"}))

    for name in ("new_key", "client_name", "operators-0-username"):
        assert f'name="{name}"' not in form
    assert Company.objects.get().pk == "NT074"
    assert not TokenMaster.objects.exists()
    assert not ApiClient.objects.exists()
    assert not User.objects.filter(username="asha").exists()


def test_page_is_for_those_who_may_add_companies() -> None:
    manager = staff_with("view_company", "change_company", "add_tokenmaster")

    assert manager.get(ADD).status_code == 403
    assert manager.post(ADD, posted()).status_code == 403


def test_company_of_a_key_inserted_by_sql_is_known_already(admin_client: Client) -> None:
    make_token(company_id="NT074")

    response = admin_client.post(ADD, posted(new_key=""))

    assert "There is a company RUBI TRADERS (NT074) already." in errors(response)["company_id"]
