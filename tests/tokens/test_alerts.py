"""Alerts that a quota runs out: raised once, mailed once."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPDataError, SMTPServerDisconnected

import pytest
from django.contrib.auth.models import Permission, User
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ocrsite.lib.email_outbox import LEASE
from tests.tokens.rows import make_token
from tokens import ledger, services
from tokens.emails import MAX_AGE, deliver_alerts, forecast
from tokens.models import AlertSubscription, ThresholdAlert, TokenMaster
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="", requested_by="")
ALERTS = "/admin/tokens/thresholdalert/"


class Rejecting(EmailBackend):
    """A server that rejects every mail."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        raise SMTPDataError(451, "try later")


class Breaking(EmailBackend):
    """A server whose connection breaks while mail is handed over."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        raise SMTPServerDisconnected("gone")


class Unreachable(EmailBackend):
    """A server that is down."""

    def open(self) -> bool | None:
        raise ConnectionRefusedError("refused")


def use(token: TokenMaster, amount: int) -> None:
    ledger.settle(uuid.uuid4(), token.pk, Usage(amount), **WHO)


def alerts() -> list[tuple[int, int, int]]:
    """Threshold, limit, remaining, oldest first."""
    rows = ThresholdAlert.objects.order_by("alert_id")
    return list(rows.values_list("threshold", "limit", "remaining"))


def subscriber(name: str = "sita", *, is_staff: bool = True, email: str | None = None) -> User:
    address = f"{name}@example.com" if email is None else email
    user = User.objects.create_user(name, address, is_staff=is_staff)
    AlertSubscription.objects.create(user=user, threshold_alerts=True)
    return user


@pytest.fixture
def mail_server(settings: Settings) -> None:
    """Mail is configured; what is sent lands in the outbox."""
    settings.EMAIL_HOST = "mail.example.com"


def test_an_alert_is_raised_once_below_the_threshold() -> None:
    token = make_token(total_token_limit=10_000)

    use(token, 7000)
    assert alerts() == []
    use(token, 1)
    use(token, 1)

    assert alerts() == [(3000, 10_000, 2999)]


def test_a_used_up_key_raises_another_alert_once() -> None:
    token = make_token(total_token_limit=10_000)

    for amount in (8000, 2000, 1):
        use(token, amount)

    assert alerts() == [(3000, 10_000, 2000), (0, 10_000, 0)]


def test_a_key_with_too_little_left_for_a_call_is_used_up() -> None:
    token = make_token(total_token_limit=10_000)
    use(token, 5000)

    marked = [services.mark_exceeded(token_id=token.pk, smallest_call=5001) for _ in range(2)]

    assert marked == [True, False]
    assert alerts() == [(0, 10_000, 5000)]


def test_after_a_raise_of_the_limit_the_alerts_are_raised_again() -> None:
    token = make_token(total_token_limit=10_000)
    use(token, 10_000)
    token.refresh_from_db()
    token.total_token_limit = 20_000
    services.update_token(token=token, fields=["total_token_limit"])
    use(token, 1)
    assert len(alerts()) == 2

    use(token, 9000)

    assert alerts()[2:] == [(3000, 20_000, 999)]


def test_each_key_has_alerts_of_its_own() -> None:
    for _ in range(2):
        use(make_token(total_token_limit=10_000), 8000)

    assert len(alerts()) == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_that_cross_at_once_one_raises_the_alert() -> None:
    token = make_token(total_token_limit=10_000)
    use(token, 6999)

    def cross(_: int) -> None:
        try:
            use(token, 400)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(cross, range(8)))

    assert [(threshold, limit) for threshold, limit, _ in alerts()] == [(3000, 10_000), (0, 10_000)]
    assert TokenMaster.objects.select_related("summary").get().used == 6999 + 8 * 400


def test_an_alert_is_mailed_once_with_a_forecast(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    token = make_token(total_token_limit=10_000)
    TokenMaster.objects.update(created_at=timezone.now() - timedelta(days=30))
    subscriber()
    subscriber("hari")
    use(token, 7700)

    assert [deliver_alerts(), deliver_alerts()] == [1, 0]

    (mail,) = mailoutbox
    assert mail.to == ["sita@example.com", "hari@example.com"]
    assert mail.subject == f"Key NT047 #{token.pk} (Gemini) is running out"
    assert mail.body == (
        f"Key NT047 #{token.pk} (Gemini) has 2300 of 10000 LLM tokens left, "
        "less than its threshold of 3000.\nAt this week's pace, empty in 2 days."
    )
    assert ThresholdAlert.objects.get().sent_at


def test_the_mail_about_a_used_up_key_says_so(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    token = make_token(total_token_limit=10_000, company_id="N\nT")
    subscriber()
    use(token, 5000)
    services.mark_exceeded(token_id=token.pk, smallest_call=6000)

    assert deliver_alerts() == 1

    assert mailoutbox[0].subject == f"Key N T #{token.pk} (Gemini) is used up"
    assert mailoutbox[0].body.endswith(
        "has 5000 of 10000 LLM tokens left, too few for a call. Raise its limit to go on."
    )


def test_only_staff_who_subscribed_and_have_an_address_get_mail(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    subscriber("former", is_staff=False)
    subscriber("silent", email="")
    left = subscriber("left")
    User.objects.filter(pk=left.pk).update(is_active=False)
    AlertSubscription.objects.filter(user=subscriber("off")).update(threshold_alerts=False)
    User.objects.create_user("never", "never@example.com", is_staff=True)
    use(make_token(total_token_limit=10_000), 8000)
    assert deliver_alerts() == 0

    subscriber()

    assert deliver_alerts() == 1
    assert mailoutbox[0].to == ["sita@example.com"]


def test_without_a_mail_server_an_alert_stays_in_the_admin(mailoutbox: list[EmailMessage]) -> None:
    subscriber()
    use(make_token(total_token_limit=10_000), 8000)

    assert deliver_alerts() == 0

    alert = ThresholdAlert.objects.get()
    assert (mailoutbox, alert.sent_at, alert.claimed_until) == ([], None, None)


@pytest.mark.parametrize("server", ["Rejecting", "Unreachable"])
def test_mail_that_was_not_accepted_is_tried_again_after_the_lease(
    mail_server: None, mailoutbox: list[EmailMessage], settings: Settings, server: str
) -> None:
    works = settings.EMAIL_BACKEND
    subscriber()
    use(make_token(total_token_limit=10_000), 8000)
    settings.EMAIL_BACKEND = f"{__name__}.{server}"
    assert deliver_alerts() == 0
    alert = ThresholdAlert.objects.get()
    assert alert.sent_at is None
    assert alert.claimed_until
    settings.EMAIL_BACKEND = works
    assert deliver_alerts() == 0

    ThresholdAlert.objects.update(claimed_until=alert.claimed_until - LEASE)

    assert deliver_alerts() == 1
    assert len(mailoutbox) == 1


def test_mail_lost_while_it_is_handed_over_is_not_repeated_and_the_next_mails_wait(
    mail_server: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber()
    for _ in range(2):
        use(make_token(total_token_limit=10_000), 8000)
    settings.EMAIL_BACKEND = f"{__name__}.Breaking"

    assert deliver_alerts() == 0

    sent = ThresholdAlert.objects.exclude(sent_at=None)
    assert sent.count() == 1
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_an_alert_claimed_by_a_process_that_died_is_mailed_after_its_lease(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    subscriber()
    use(make_token(total_token_limit=10_000), 8000)
    now = timezone.now()

    ThresholdAlert.objects.update(claimed_until=now + LEASE)
    assert deliver_alerts() == 0
    ThresholdAlert.objects.update(claimed_until=now)

    assert deliver_alerts() == 1


def test_an_old_alert_is_no_longer_mailed(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    subscriber()
    use(make_token(total_token_limit=10_000), 8000)
    ThresholdAlert.objects.update(created_at=timezone.now() - MAX_AGE)

    assert deliver_alerts() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_mails_an_alert(
    mail_server: None, mailoutbox: list[EmailMessage]
) -> None:
    subscriber()
    use(make_token(total_token_limit=10_000), 8000)

    def deliver(_: int) -> int:
        try:
            return deliver_alerts()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(deliver, range(6))) == 1

    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    ("remaining", "used", "days", "sentence"),
    [
        (2300, 7700, 7, "At this week's pace, empty in 2 days."),
        (3000, 700, 7, "At this week's pace, empty in 30 days."),
        (700, 700, 1, "At this week's pace, empty in 1 day."),
        (1399, 700, 1, "At this week's pace, empty in 1 day."),
        (99, 700, 7, "At this week's pace, empty in less than a day."),
        (3000, 0, 7, "Nothing was used this week."),
        (0, 700, 7, "It is empty."),
        (-5, 0, 7, "It is empty."),
    ],
)
def test_forecast(remaining: int, used: int, days: int, sentence: str) -> None:
    assert forecast(remaining, used, days) == sentence


def test_alerts_are_listed_and_read_only(admin_client: Client) -> None:
    use(make_token(total_token_limit=10_000), 7654)
    row = f"{ALERTS}{ThresholdAlert.objects.get().pk}"

    assert "2,346" in admin_client.get(ALERTS).content.decode()
    assert admin_client.get(f"{row}/change/").status_code == 200
    assert admin_client.post(f"{row}/change/", {}).status_code == 403
    assert admin_client.post(f"{row}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{ALERTS}add/").status_code == 403


def test_alerts_are_for_staff_who_may_view_them(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(ALERTS).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_thresholdalert"))
    assert client.get(ALERTS).status_code == 200


@pytest.mark.parametrize("wanted", [True, False])
def test_staff_subscribe_on_the_page_of_the_user(admin_client: Client, wanted: bool) -> None:
    user = User.objects.create_user("sita", "sita@example.com", is_staff=True)
    form = {
        "username": "sita",
        "is_active": "on",
        "date_joined_0": "2026-11-24",
        "date_joined_1": "00:00:00",
        "company_grants-TOTAL_FORMS": "0",
        "company_grants-INITIAL_FORMS": "0",
        "staff_companies-TOTAL_FORMS": "0",
        "staff_companies-INITIAL_FORMS": "0",
        "account_rule-TOTAL_FORMS": "0",
        "account_rule-INITIAL_FORMS": "0",
        "alert_subscription-TOTAL_FORMS": "1",
        "alert_subscription-INITIAL_FORMS": "0",
        "error_subscription-TOTAL_FORMS": "0",
        "error_subscription-INITIAL_FORMS": "0",
        "alert_subscription-0-user": user.pk,
    }
    if wanted:
        form["alert_subscription-0-threshold_alerts"] = "on"

    response = admin_client.post(f"/admin/auth/user/{user.pk}/change/", form)

    assert response.status_code == 302
    subscribed = AlertSubscription.objects.filter(user=user, threshold_alerts=True)
    assert subscribed.exists() is wanted
