"""What a process does that takes many extractions through their calls at once, for tests."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

AT_ONCE = 5
# Between two attempts: those that wait for the key would else take the time of those with calls.
PAUSE_SECONDS = 0.05


def work(share: int, of: int) -> None:
    """Take a share of all extractions to their ends, such as 0 of 4: the first of four processes'.

    Pages are drawn and compared once: that moves no money.
    """
    from django.db import connections

    from extraction import pipeline
    from extraction.documents import intake, sandbox
    from extraction.models import Extraction
    from tests.extraction.same_input import remembering
    from tokens import selection

    extractions = list(Extraction.objects.order_by("pk"))[share::of]
    intake.folder_of(extractions[0].pk).mkdir(parents=True)
    document = pipeline.prepare_pages(extractions[0])
    connections.close_all()
    pipeline.prepare_pages = lambda extraction: document
    sandbox.run = remembering(sandbox.run)
    selection.QUOTA_RECHECK = timedelta(0)

    def take_to_end(pk: uuid.UUID) -> None:
        try:
            while not Extraction.objects.get(pk=pk).ended:
                pipeline.process(pk)
                time.sleep(PAUSE_SECONDS)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(take_to_end, [extraction.pk for extraction in extractions]))
