"""The recorder of overspending on which the tests of concurrent calls rely."""

import pytest
from django.db import transaction

from tests.overspending import overspending_watched
from tests.tokens.rows import make_token
from tokens.models import TokenUsageSummary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]


def test_totals_above_the_limit_are_caught_even_when_they_are_corrected_at_once() -> None:
    token = make_token(total_token_limit=1000)
    summary = TokenUsageSummary.objects.filter(token=token)

    with overspending_watched() as overspent:
        summary.update(total_used_tokens=600, reserved_tokens=400)
        assert overspent() == []
        summary.update(reserved_tokens=401)
        summary.update(reserved_tokens=0)
        assert overspent() == [(token.pk, 1001, 1000)]
        summary.delete()
        TokenUsageSummary.objects.create(token=token, total_used_tokens=1002)
        assert overspent()[1:] == [(token.pk, 1002, 1000)]


def test_totals_above_the_limit_that_are_never_committed_do_not_count() -> None:
    token = make_token(total_token_limit=1000)

    with overspending_watched() as overspent:
        with transaction.atomic():
            TokenUsageSummary.objects.filter(token=token).update(reserved_tokens=1001)
            transaction.set_rollback(True)
        assert overspent() == []
