"""What a process does that claims extractions until none is queued, for tests."""

import uuid


def claim_all() -> list[uuid.UUID]:
    """Claim, beside other processes, whatever is queued, and end each at once; return them."""
    from extraction.fairness import claim_fairest
    from extraction.models import Extraction, State

    claimed = []
    queued = Extraction.objects.queued()
    while queued.exists():
        extraction = claim_fairest(worker=None)
        if extraction is not None:
            assert Extraction.objects.end(extraction, State.SUCCEEDED, http_status=200)
            claimed.append(extraction.pk)
    return claimed
