"""Alerts that last until what they tell is over, and who gets which by mail."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from tests.tokens.rows import make_budget, make_price, make_quota, make_token
from tokens import companies, ledger, quota_alerts, selection, services
from tokens.emails import deliver_alerts
from tokens.models import (
    AlertKind,
    AlertRecipient,
    AlertSubscription,
    Company,
    Finding,
    Quota,
    QuotaSum,
    SiteAlert,
    ThresholdAlert,
    TokenMaster,
    TokenStatus,
)
from tokens.periods import Period
from tokens.quota_audit import wrong_sums
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="", requested_by="")
OTHER_KEY = "AIzaCanaryCanaryCanaryCanaryCanary2x9Qz"
ALERTS = "/admin/tokens/sitealert/"
RECIPIENTS = "/admin/tokens/alertrecipient/"


def use(token: TokenMaster, amount: int) -> None:
    ledger.settle(uuid.uuid4(), token.pk, Usage(amount), **WHO)


def spend(token: TokenMaster, amount: int, model: str | None = None) -> None:
    """As a call does, which reserves first."""
    attempt_id = uuid.uuid4()
    assert ledger.reserve(
        token.pk,
        attempt_id=attempt_id,
        amount=amount,
        output_budget=0,
        lease=timedelta(minutes=5),
        model=model,
    )
    ledger.settle(attempt_id, token.pk, Usage(amount), **WHO, model=model)


def alerts(**of: object) -> list[tuple[str, bool]]:
    """Text and whether it is open, oldest first."""
    rows = SiteAlert.objects.filter(**of).order_by("alert_id")
    return [(row.text, row.resolved_at is None) for row in rows]


def shares() -> list[tuple[int, bool]]:
    """The percentages told, and whether each alert is open."""
    return [
        (int(text.split(" has used ")[1].split(" %")[0]), is_open) for text, is_open in alerts()
    ]


@pytest.fixture
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.com"


def test_each_share_of_a_limit_is_told_once() -> None:
    token = make_token(total_token_limit=10_000)
    for amount, expected in (
        (7_999, []),
        (1, [(80, True)]),
        (1_000, [(80, True)]),
        (500, [(80, False), (95, True)]),
        (500, [(80, False), (95, False), (100, True)]),
        (500, [(80, False), (95, False), (100, True)]),
    ):
        use(token, amount)
        for _ in range(2):
            quota_alerts.look()
        assert shares() == expected

    (text, _) = alerts()[-1]
    assert text == f"Key {token} has used 100 % of 10000 LLM tokens: 10000."
    assert SiteAlert.objects.latest("alert_id").company_id == "NT047"


def test_of_several_shares_reached_at_once_the_highest_is_told() -> None:
    use(make_token(total_token_limit=10_000), 9_600)

    quota_alerts.look()

    assert shares() == [(95, True)]


def test_after_a_raise_of_the_limit_the_shares_are_told_again() -> None:
    token = make_token(total_token_limit=10_000)
    use(token, 9_000)
    quota_alerts.look()
    token.refresh_from_db()
    token.total_token_limit = 20_000
    services.update_token(token=token, fields=["total_token_limit"])
    quota_alerts.look()
    assert shares() == [(80, False)]

    use(token, 7_000)
    quota_alerts.look()

    assert shares() == [(80, False), (80, True)]


def test_share_that_was_over_is_not_told_again_for_the_same_limit() -> None:
    token = make_token(total_token_limit=10_000)
    use(token, 9_000)
    for limit in (10_000, 20_000, 10_000):
        token.refresh_from_db()
        token.total_token_limit = limit
        services.update_token(token=token, fields=["total_token_limit"])
        quota_alerts.look()

    assert shares() == [(80, False)]


def test_small_and_huge_limits_are_judged_exactly() -> None:
    for limit, used in ((7, 5), (7, 6), (2**62, 2**61), (2**62, 2**62 - 2**58)):
        use(make_token(total_token_limit=limit), used)

    quota_alerts.look()

    assert {text.split(" of ")[1] for text, _ in alerts()} == {
        "7 LLM tokens: 6.",
        f"{2**62} LLM tokens: {2**62 - 2**58}.",
    }
    assert len(alerts()) == 2


@pytest.mark.parametrize("of_company", [False, True])
def test_quota_of_keys_in_use_is_told_of_before_the_next_call(of_company: bool) -> None:
    token = make_token()
    spend(token, 12_000)
    company = Company.objects.get(company_id="NT047")

    quota = make_quota(company if of_company else token, Period.MONTHLY, 10_000)
    for _ in range(2):
        quota_alerts.look()

    ((text, is_open),) = alerts()
    assert text.endswith("is used to 100 %: 12,000 of 10,000.")
    assert is_open
    assert (quota.sums.get().used, quota.sums.get().reserved) == (12_000, 0)


def test_quota_inserted_by_sql_is_told_of_before_the_next_call() -> None:
    token = make_token()
    spend(token, 9_000)
    Quota.objects.create(token=token, period=Period.TOTAL, limit=10_000)

    quota_alerts.look()

    ((text, _),) = alerts()
    assert text.endswith("is used to 80 %: 9,000 of 10,000.")


def test_key_that_comes_to_a_company_is_told_of_before_the_next_call() -> None:
    make_token(OTHER_KEY, company_id="NT099")
    quota = make_quota(Company.objects.get(company_id="NT099"), Period.MONTHLY, 10_000)
    quota_alerts.look()
    assert quota.sums.get().used == 0
    token = make_token()
    spend(token, 9_900)

    token.company_id = "NT099"
    services.update_token(token=token, fields=["company_id"])
    quota_alerts.look()

    ((text, _),) = alerts()
    assert text.endswith("is used to 95 %: 9,900 of 10,000.")


def test_calls_go_on_in_sums_that_were_made_before_them() -> None:
    token = make_token()
    spend(token, 5_000)
    quota = make_quota(token, Period.DAILY, 10_000)
    quota_alerts.look()

    spend(token, 3_000)
    quota_alerts.look()

    assert quota.sums.get().used == 8_000
    assert wrong_sums() == []
    ((text, _),) = alerts()
    assert text.endswith("is used to 80 %: 8,000 of 10,000.")


def test_sums_of_many_quotas_are_made_in_several_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.quota_sums.MADE_AT_ONCE", 2)
    token = make_token()
    for period in (Period.DAILY, Period.WEEKLY, Period.MONTHLY):
        make_quota(token, period, 10_000)

    for expected in (2, 3, 3):
        quota_alerts.look()
        assert QuotaSum.objects.count() == expected


@pytest.mark.parametrize("of_company", [True, False])
def test_share_of_a_quota_is_told_once_in_each_period(of_company: bool) -> None:
    with time_machine.travel(datetime(2026, 11, 27, 12, tzinfo=UTC), tick=False) as clock:
        token = make_token(total_token_limit=1_000_000)
        companies.register_used()
        company = Company.objects.get()
        make_quota(company if of_company else token, Period.MONTHLY, 10_000)
        for amount, count in ((7_999, 0), (1, 1), (500, 1), (1_000, 2)):
            spend(token, amount)
            for _ in range(2):
                quota_alerts.look()
            assert len(alerts()) == count
        clock.move_to(datetime(2026, 12, 2, tzinfo=UTC))
        spend(token, 1)
        quota_alerts.look()
        assert [is_open for _, is_open in alerts()] == [False, False]
        spend(token, 8_000)
        quota_alerts.look()

    whose = f"company {company}" if of_company else f"key {token}"
    name = "monthly, LLM tokens"
    assert alerts() == [
        (f"The quota of {whose} ({name}) is used to 80 %: 8,000 of 10,000.", False),
        (f"The quota of {whose} ({name}) is used to 95 %: 9,500 of 10,000.", False),
        (f"The quota of {whose} ({name}) is used to 80 %: 8,001 of 10,000.", True),
    ]
    assert set(SiteAlert.objects.values_list("company_id", flat=True)) == {"NT047"}


def test_share_of_money_is_told_as_money() -> None:
    token = make_token(total_token_limit=10**9)
    make_price()
    quota = make_budget(token, Period.TOTAL, "1.00 EUR")
    for amount in (799_999, 1, 150_000, 50_000):
        spend(token, amount, "gemini-x")
        quota_alerts.look()

    name = f"The quota of key {token} ({quota}) is used to"
    assert alerts() == [
        (f"{name} 80 %: 0.80 EUR of 1.00 EUR.", False),
        (f"{name} 95 %: 0.95 EUR of 1.00 EUR.", False),
        (f"{name} 100 %: 1.00 EUR of 1.00 EUR.", True),
    ]


@pytest.mark.parametrize("status", [TokenStatus.DISABLED, TokenStatus.EXPIRED])
def test_key_that_is_out_of_use_is_not_told(status: str) -> None:
    use(make_token(total_token_limit=10_000), 9_000)
    TokenMaster.objects.update(status=status)

    quota_alerts.look()

    assert alerts() == []


def test_no_share_is_told_where_none_is_set(settings: Settings) -> None:
    settings.ALERT_PERCENTS = []
    use(make_token(total_token_limit=10_000), 10_000)

    quota_alerts.look()

    assert alerts() == []


def test_rejected_key_is_told_once() -> None:
    token = make_token()

    for _ in range(2):
        selection.disable_key(token, "API key not valid.")

    assert alerts(kind=AlertKind.KEY_REJECTED, company_id="NT047") == [
        (f"Key {token} is disabled: API key not valid.", True)
    ]


def test_one_open_alert_of_a_kind_and_subject() -> None:
    assert SiteAlert.objects.raise_once(AlertKind.DISK, "a", Finding("full"))
    assert not SiteAlert.objects.raise_once(AlertKind.DISK, "a", Finding("fuller"))
    assert SiteAlert.objects.raise_once(AlertKind.BACKUP, "a", Finding("old"))
    with pytest.raises(IntegrityError), transaction.atomic():
        SiteAlert.objects.create(kind=AlertKind.DISK, subject="a", text="x")

    SiteAlert.objects.follow(AlertKind.DISK, {})

    assert SiteAlert.objects.raise_once(AlertKind.DISK, "a", Finding("again"))
    assert alerts(kind=AlertKind.DISK) == [("full", False), ("again", True)]
    assert alerts(kind=AlertKind.BACKUP) == [("old", True)]


@pytest.mark.parametrize(
    ("recipient", "gets"),
    [
        ({}, True),
        ({"kind": AlertKind.FAILURES}, True),
        ({"kind": AlertKind.DISK}, False),
        ({"company_id": "NT047"}, True),
        ({"company_id": "NT048"}, False),
        ({"company_id": "NT047", "kind": AlertKind.FAILURES}, True),
    ],
)
def test_alert_is_mailed_to_who_asked_for_its_kind_and_company(
    mail_server: None, mailoutbox: list[EmailMessage], recipient: dict[str, str], gets: bool
) -> None:
    AlertRecipient.objects.create(address="ops@example.com", **recipient)
    SiteAlert.objects.raise_once(AlertKind.FAILURES, "x", Finding("They fail.", "NT047"))

    assert [deliver_alerts(), deliver_alerts()] == [int(gets), 0]

    told = [(mail.to, mail.subject, mail.body) for mail in mailoutbox]
    expected = (["ops@example.com"], "Many documents fail: NT047", "They fail.")
    assert told == ([expected] if gets else [])


def test_recipient_gets_alerts_of_a_company_however_its_id_is_written(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    companies.register(Company.objects, {"NT047": "", "nt047": ""})
    AlertRecipient.objects.create(address="ops@example.com", company_id="NT047")
    SiteAlert.objects.raise_once(AlertKind.FAILURES, "x", Finding("They fail.", "nt047"))

    assert deliver_alerts() == 1


def test_everybody_gets_an_alert_once(mail_server: None, mailoutbox: list[EmailMessage]) -> None:
    """By the page of the user, as a recipient, and by address."""
    sita = User.objects.create_user("sita", "sita@example.com", is_staff=True)
    left = User.objects.create_user("left", "left@example.com", is_staff=False)
    AlertSubscription.objects.create(user=sita, threshold_alerts=True)
    for values in (
        {"user": sita},
        {"user": left},
        {"address": "sita@example.com"},
        {"address": "ops@example.com", "kind": AlertKind.THRESHOLD},
        {"address": "books@example.com", "kind": AlertKind.LEDGER},
    ):
        AlertRecipient.objects.create(**values)
    use(make_token(total_token_limit=10_000), 7_500)
    assert ThresholdAlert.objects.count() == 1

    assert deliver_alerts() == 1

    assert mailoutbox[0].to == ["sita@example.com", "ops@example.com"]


def test_alert_that_is_over_is_not_mailed(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    AlertRecipient.objects.create(address="ops@example.com")
    SiteAlert.objects.raise_once(AlertKind.DISK, "x", Finding("Full."))
    SiteAlert.objects.follow(AlertKind.DISK, {})

    assert deliver_alerts() == 0


def test_alerts_are_listed_by_state_and_read_only(admin_client: Client) -> None:
    SiteAlert.objects.raise_once(AlertKind.DISK, "a", Finding("Full disk."))
    SiteAlert.objects.follow(AlertKind.DISK, {})
    SiteAlert.objects.raise_once(AlertKind.BACKUP, "b", Finding("Old backup."))
    row = f"{ALERTS}{SiteAlert.objects.latest('alert_id').pk}/change/"

    for state, shown in (("open", "Old backup."), ("over", "Full disk.")):
        page = admin_client.get(ALERTS, {"state": state}).content.decode()
        assert [text in page for text in ("Old backup.", "Full disk.")] == [
            shown == "Old backup.",
            shown == "Full disk.",
        ]
    assert admin_client.get(ALERTS).status_code == 200
    assert admin_client.get(row).status_code == 200
    assert admin_client.post(row, {}).status_code == 403


@pytest.mark.parametrize(
    ("form", "is_right"),
    [
        ({"address": "ops@example.com"}, True),
        ({"address": "ops@example.com", "kind": "disk", "company_id": "NT047"}, True),
        ({"user": "sita"}, True),
        ({"user": "sita", "address": "ops@example.com"}, False),
        ({}, False),
        ({"address": "nobody"}, False),
    ],
)
def test_recipients_are_added_in_the_admin(
    admin_client: Client, form: dict[str, str], is_right: bool
) -> None:
    sita = User.objects.create_user("sita", "sita@example.com", is_staff=True)
    Company.objects.create(company_id="NT047", folded_id="nt047")
    values = {**form, **({"user": str(sita.pk)} if "user" in form else {})}

    response = admin_client.post(f"{RECIPIENTS}add/", values, follow=True)

    assert response.status_code == 200
    assert AlertRecipient.objects.exists() is is_right
    if is_right:
        assert str(AlertRecipient.objects.get()) in response.content.decode()
