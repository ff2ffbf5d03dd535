import pytest
from django.db.models import Sum

from tests import processes
from tests.overspending import overspending_watched
from tests.tokens.rows import make_token
from tests.tokens.spender import spend
from tokens.models import TokenMaster, TokenReservation, TokenUsageLog

pytestmark = pytest.mark.vendor

PROCESSES = 6
CALLS = 60


@pytest.mark.django_db(transaction=True)
def test_processes_spending_together_never_exceed_a_limit_and_lose_no_charge() -> None:
    tokens = [make_token(total_token_limit=20_000) for _ in range(2)]

    shares = [("NT047", seed, CALLS) for seed in range(PROCESSES)]
    with overspending_watched() as overspent:
        with processes.together(spend, shares) as spenders:
            outputs = [spender.result() for spender in spenders]
        assert overspent() == []

    assert sum(output["without_key"] for output in outputs) > 0
    settled = sum(output["settled"] for output in outputs)
    assert TokenUsageLog.objects.aggregate(total=Sum("total_tokens_used"))["total"] == settled
    assert not TokenReservation.objects.exists()
    for token in tokens:
        token = TokenMaster.objects.select_related("summary").get(pk=token.pk)
        rows = TokenUsageLog.objects.filter(token=token)
        billed = rows.aggregate(total=Sum("total_tokens_used"))["total"]
        assert token.used == billed
        assert token.summary.total_remaining_tokens == 20_000 - billed
        assert token.summary.reserved_tokens == 0
        # Less is left than the smallest call costs: every call that fitted was made.
        assert (token.status, token.unspent < 150) == ("Exceeded", True)
