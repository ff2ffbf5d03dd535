"""Many processes read with one key at once: its limit holds, and nothing that fits is rejected."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from extraction.documents.document import Document, PageImage
from extraction.models import Extraction, State
from extraction.readers.registry import cost_of
from tests import processes
from tests.emulator.server import Emulator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf
from tests.extraction.spender import work
from tests.overspending import overspending_watched
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenReservation, TokenStatus, TokenUsageLog

pytestmark = pytest.mark.vendor

PROCESSES = 4
# An extraction's share of the limit: enough for about seven in ten of them.
SHARE = 12_600


def smallest_call(token: TokenMaster) -> int:
    one_page = Document(Path(), "application/pdf", (PageImage(1, Path(), blank=False),))
    return cost_of(one_page, token).floor


@pytest.mark.parametrize("extractions", [24, pytest.param(500, marks=pytest.mark.chaos)])
@pytest.mark.django_db(transaction=True)
def test_calls_of_several_processes_that_cost_their_most_use_up_a_key_to_its_limit(
    extractions: int,
) -> None:
    limit = SHARE * extractions
    token = make_token(total_token_limit=limit)
    document = Path(settings.DATA_DIR) / "files" / "invoice.pdf"
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_bytes(pdf("INVOICE 4711"))
    for _ in range(extractions):
        make_extraction(file=document.name)

    with overspending_watched() as overspent, Emulator(use_whole_budget=True) as emulator:
        shares = [(share, PROCESSES) for share in range(PROCESSES)]
        with processes.together(work, shares, GEMINI_BASE_URL=emulator.url) as spenders:
            for spender in spenders:
                spender.result()
        assert overspent() == []
        bills = [call.bill.total for call in emulator.calls if call.bill]

    token = TokenMaster.objects.select_related("summary").get()
    rows = TokenUsageLog.objects.filter(estimated=False)
    assert sorted(rows.values_list("total_tokens_used", flat=True)) == sorted(bills)
    assert TokenUsageLog.objects.count() == len(bills)
    assert not TokenReservation.objects.exists()
    assert (token.used, token.summary.reserved_tokens) == (sum(bills), 0)
    assert token.status == TokenStatus.EXCEEDED
    assert token.used <= limit < token.used + smallest_call(token)
    # Each was served or rejected; rejected only once the rest was too little for the smallest call.
    rejected = Extraction.objects.filter(state=State.FAILED, error_code="token_exceeded")
    assert Extraction.objects.filter(state=State.SUCCEEDED).count() == len(bills)
    assert rejected.count() == extractions - len(bills)
    earliest = rejected.earliest("finished_at").finished_at or timezone.now()
    spent = rows.filter(logged_at__lte=earliest).aggregate(total=Sum("total_tokens_used"))["total"]
    assert spent + smallest_call(token) > limit
