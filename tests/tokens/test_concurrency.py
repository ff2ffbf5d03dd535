import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from tests.overspending import overspending_watched
from tests.postgresql import database_url
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenReservation, TokenUsageLog

pytestmark = pytest.mark.vendor

PROCESSES = 6
CALLS = 60


def running_spenders() -> list[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
        "DATABASE_URL": database_url(),
    }
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.tokens.spender", "NT047", str(seed), str(CALLS)],
            cwd=Path(settings.BASE_DIR),
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]


@pytest.mark.django_db(transaction=True)
def test_processes_spending_together_never_exceed_a_limit_and_lose_no_charge() -> None:
    tokens = [make_token(total_token_limit=20_000) for _ in range(2)]

    with overspending_watched() as overspent:
        spenders = running_spenders()
        outputs = [json.loads(spender.communicate()[0]) for spender in spenders]
        assert overspent() == []

    assert [spender.returncode for spender in spenders] == [0] * PROCESSES
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
