"""New errors are mailed once a day, each at most once, to who subscribed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from smtplib import SMTPDataError

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule
from pytest_django import Settings

from logs import emails
from logs.emails import MAX_AGE, deliver_digests, ensure_schedules, gather
from logs.models import ErrorDigest, ErrorGroup, ErrorSubscription
from ocrsite.lib.email_outbox import LEASE

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Refusing(EmailBackend):
    """A server that answers no."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        raise SMTPDataError(451, "try later")


class Unreachable(EmailBackend):
    """A server that is down."""

    def open(self) -> bool | None:
        raise ConnectionRefusedError("refused")


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    """Mail is configured; what is sent lands in the outbox."""
    settings.EMAIL_HOST = "mail.example.com"


@pytest.fixture
def subscriber() -> User:
    user = User.objects.create_user("sita", "sita@example.com", is_staff=True)
    ErrorSubscription.objects.create(user=user, daily_digest=True)
    return user


def make_group(number: int = 1, *, count: int = 1, exception_type: str = "LookupError") -> None:
    ErrorGroup.objects.create(
        fingerprint=f"{number:064}",
        exception_type=exception_type,
        place="extraction.documents.rendering:render:12",
        logger="extraction.pipeline",
        message=f"no page {number}\nsecond line",
        count=count,
        first_seen=NOON,
        last_seen=NOON,
    )


def test_new_groups_are_mailed_together_and_once(
    subscriber: User, mailoutbox: list[EmailMessage]
) -> None:
    make_group(1)
    make_group(2, count=7, exception_type="")

    assert [gather(), gather()] == [2, 0]
    assert [deliver_digests(), deliver_digests()] == [1, 0]

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["sita@example.com"], "2 new errors in the log")
    assert mail.body == (
        "Errors that were logged for the first time since the last such mail: 2.\n\n"
        "extraction.pipeline at extraction.documents.rendering:render:12\n"
        "7 since 2026-11-24 12:00 UTC: no page 2\n\n"
        "LookupError at extraction.documents.rendering:render:12\n"
        "1 since 2026-11-24 12:00 UTC: no page 1\n\n"
        "The admin lists them under Error groups, with every record."
    )
    make_group(3)
    assert (gather(), deliver_digests()) == (1, 1)
    assert mailoutbox[1].subject == "1 new error in the log"
    assert "no page 3" in mailoutbox[1].body
    assert "no page 1" not in mailoutbox[1].body


def test_long_digest_names_the_most_frequent(
    subscriber: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "LISTED", 1)
    for number in range(1, 4):
        make_group(number, count=number)
    gather()

    deliver_digests()

    assert "no page 3" in mailoutbox[0].body
    assert "no page 2" not in mailoutbox[0].body
    assert "And 2 more." in mailoutbox[0].body


def test_only_staff_who_subscribed_get_mail(mailoutbox: list[EmailMessage]) -> None:
    former = User.objects.create_user("former", "former@example.com")
    ErrorSubscription.objects.create(user=former, daily_digest=True)
    off = User.objects.create_user("off", "off@example.com", is_staff=True)
    ErrorSubscription.objects.create(user=off)
    make_group()
    gather()

    assert deliver_digests() == 0
    assert ErrorDigest.objects.get().claimed_until is None


def test_without_a_mail_server_nothing_is_mailed(subscriber: User, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    make_group()
    gather()

    assert deliver_digests() == 0
    assert ErrorDigest.objects.get().claimed_until is None


@pytest.mark.parametrize("server", ["Refusing", "Unreachable"])
def test_digest_that_was_not_taken_is_tried_again_after_the_lease(
    subscriber: User, mailoutbox: list[EmailMessage], settings: Settings, server: str
) -> None:
    works = settings.EMAIL_BACKEND
    make_group()
    gather()
    settings.EMAIL_BACKEND = f"{__name__}.{server}"
    assert deliver_digests() == 0
    settings.EMAIL_BACKEND = works
    assert deliver_digests() == 0
    digest = ErrorDigest.objects.get()
    assert digest.claimed_until

    ErrorDigest.objects.update(claimed_until=digest.claimed_until - LEASE)

    assert deliver_digests() == 1
    assert len(mailoutbox) == 1


def test_old_digest_is_not_mailed_any_more(
    subscriber: User, mailoutbox: list[EmailMessage]
) -> None:
    make_group()
    gather()
    ErrorDigest.objects.update(created_at=timezone.now() - MAX_AGE)

    assert (deliver_digests(), mailoutbox) == (0, [])


def test_digests_are_listed_with_their_groups(admin_client: Client) -> None:
    make_group()
    gather()

    page = admin_client.get("/admin/logs/errordigest/").content.decode()

    assert '<td class="field-groups">1</td>' in page
    assert str(ErrorDigest(created_at=NOON)) == "2026-11-24 12:00"


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
        "alert_subscription-TOTAL_FORMS": "0",
        "alert_subscription-INITIAL_FORMS": "0",
        "error_subscription-TOTAL_FORMS": "1",
        "error_subscription-INITIAL_FORMS": "0",
        "error_subscription-0-user": user.pk,
    }
    if wanted:
        form["error_subscription-0-daily_digest"] = "on"

    response = admin_client.post(f"/admin/auth/user/{user.pk}/change/", form)

    assert response.status_code == 302
    subscriptions = ErrorSubscription.objects.filter(user=user, daily_digest=True)
    assert subscriptions.exists() is wanted
    assert str(ErrorSubscription(daily_digest=wanted)) == (
        "subscribed" if wanted else "not subscribed"
    )


def test_gathering_is_scheduled_every_day() -> None:
    Schedule.objects.all().delete()
    ensure_schedules()
    ensure_schedules()

    schedule = Schedule.objects.get()
    assert (schedule.func, schedule.schedule_type) == ("logs.emails.gather", "D")
    assert timezone.now() < schedule.next_run < timezone.now() + timedelta(days=2)
