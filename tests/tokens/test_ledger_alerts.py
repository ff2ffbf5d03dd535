"""Ledger alerts: one, mailed once, for as long as the audit finds the same."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from tests.tokens.rows import make_token
from tokens import ledger, ledger_audit
from tokens.emails import deliver_alerts
from tokens.models import AlertSubscription, LedgerAlert, TokenMaster, TokenUsageSummary
from tokens.usage import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

ALERTS = "/admin/tokens/ledgeralert/"


def falsify(token: TokenMaster, **totals: int) -> None:
    TokenUsageSummary.objects.filter(token=token).update(**totals)


def use(token: TokenMaster, amount: int) -> None:
    ledger.settle(
        uuid.uuid4(), token.pk, Usage(amount), company_id="NT047", branch="", requested_by=""
    )


def unresolved() -> list[str]:
    return list(LedgerAlert.objects.filter(resolved_at=None).values_list("findings", flat=True))


@pytest.fixture
def sita(settings: Settings) -> User:
    """Staff who subscribed to ledger alerts; a mail server is configured."""
    settings.EMAIL_HOST = "mail.example.com"
    user = User.objects.create_user("sita", "sita@example.com", is_staff=True)
    AlertSubscription.objects.create(user=user, ledger_alerts=True)
    return user


def test_a_right_ledger_raises_no_alert() -> None:
    use(make_token(), 700)

    ledger_audit.audit_ledger()

    assert not LedgerAlert.objects.exists()


def test_a_finding_is_mailed_once_though_calls_go_on(
    sita: User, mailoutbox: list[EmailMessage]
) -> None:
    token = make_token()
    falsify(token, total_used_tokens=5, total_remaining_tokens=99_995)
    ledger_audit.audit_ledger()
    assert deliver_alerts() == 1
    use(token, 700)

    ledger_audit.audit_ledger()

    assert deliver_alerts() == 0
    assert LedgerAlert.objects.count() == 1
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["sita@example.com"], "The ledger is wrong")
    assert mail.body == (
        "An audit found totals that their rows contradict:\n\n"
        f"Key {token.pk}: TotalUsedTokens is 5, its rows say 0.\n"
        f"Key {token.pk}: TotalRemainingTokens is 99995, its rows say 100000.\n\n"
        "Look at them, then run manage.py audit_ledger --repair."
    )


def test_other_findings_are_mailed_and_resolve_the_earlier_alert(
    sita: User, mailoutbox: list[EmailMessage]
) -> None:
    token = make_token()
    for reserved in (5, 6):
        falsify(token, reserved_tokens=reserved)
        ledger_audit.audit_ledger()
        assert deliver_alerts() == 1

    assert unresolved() == [f"Key {token.pk}: ReservedTokens is 6, its rows say 0."]
    assert LedgerAlert.objects.count() == 2


def test_repair_resolves_the_alert_and_the_same_finding_later_is_a_new_one(
    sita: User, mailoutbox: list[EmailMessage]
) -> None:
    token = make_token()
    for _ in range(2):
        falsify(token, reserved_tokens=5)
        ledger_audit.audit_ledger()
        assert deliver_alerts() == 1
        ledger_audit.repair_ledger()
        assert unresolved() == []

    assert LedgerAlert.objects.count() == 2


def test_an_alert_resolved_before_it_was_mailed_is_not_mailed(sita: User) -> None:
    falsify(make_token(), reserved_tokens=5)
    ledger_audit.audit_ledger()
    ledger_audit.repair_ledger()

    assert deliver_alerts() == 0


def test_staff_who_want_other_alerts_only_get_no_mail(sita: User) -> None:
    AlertSubscription.objects.update(ledger_alerts=False, threshold_alerts=True)
    falsify(make_token(), reserved_tokens=5)
    ledger_audit.audit_ledger()

    assert deliver_alerts() == 0
    assert LedgerAlert.objects.get().claimed_until is None


def test_an_alert_names_the_first_findings_and_counts_the_others() -> None:
    for _ in range(ledger_audit.NAMED + 2):
        falsify(make_token(), reserved_tokens=5)

    ledger_audit.audit_ledger()

    (findings,) = unresolved()
    assert len(findings.splitlines()) == ledger_audit.NAMED + 1
    assert findings.endswith("\nAnd 2 more.")


def test_ledger_alerts_are_listed_and_read_only(admin_client: Client) -> None:
    falsify(make_token(), reserved_tokens=5)
    ledger_audit.audit_ledger()
    row = f"{ALERTS}{LedgerAlert.objects.get().pk}"

    assert "ReservedTokens is 5" in admin_client.get(ALERTS).content.decode()
    assert admin_client.get(f"{row}/change/").status_code == 200
    assert admin_client.post(f"{row}/change/", {}).status_code == 403
    assert admin_client.post(f"{row}/delete/", {"post": "yes"}).status_code == 403
