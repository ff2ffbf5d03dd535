"""A process that takes many extractions through their calls at once, for tests.

``python -m tests.extraction.spender SHARE OF``: a share of all extractions, such as ``0 4`` for
the first of four processes. Pages are drawn once, since drawing moves no money. Fails if used and
reserved are ever more than a limit after a commit.
"""

import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import django

AT_ONCE = 5


def work(share: int, of: int) -> None:
    """Take the share's extractions to their ends."""
    from django.db import connections

    from extraction import intake, pipeline
    from extraction.models import Extraction
    from tokens import selection

    extractions = list(Extraction.objects.order_by("pk"))[share::of]
    intake.folder_of(extractions[0].pk).mkdir(parents=True)
    document = pipeline.prepare_pages(extractions[0])
    connections.close_all()
    pipeline.prepare_pages = lambda extraction: document
    pipeline.begin_attempt = audited(pipeline.begin_attempt)
    pipeline.end_attempt_succeeded = audited(pipeline.end_attempt_succeeded)
    selection.QUOTA_RECHECK = pipeline.SPREAD = timedelta(0)

    def take_to_end(pk: uuid.UUID) -> None:
        try:
            while not Extraction.objects.get(pk=pk).ended:
                pipeline.process(pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(take_to_end, [extraction.pk for extraction in extractions]))


def audited(commit: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a look at every limit after it."""
    from django.db.models import F

    from tokens.models import TokenUsageSummary

    overspent = TokenUsageSummary.objects.filter(
        token__total_token_limit__lt=F("total_used_tokens") + F("reserved_tokens")
    )

    def wrapper(*arguments: Any) -> Any:
        result = commit(*arguments)
        assert not overspent.all().exists(), "used and reserved are more than the limit"
        return result

    return wrapper


if __name__ == "__main__":
    django.setup()
    work(int(sys.argv[1]), int(sys.argv[2]))
