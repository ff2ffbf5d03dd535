"""A process that claims extractions until none is queued and ends each at once, for tests.

``python -m tests.extraction.claimer``: prints "ready", waits for a line, prints what it claimed.
"""

import sys

import django


def main() -> None:
    """Claim, beside other processes, whatever is queued."""
    from extraction.fairness import claim_fairest
    from extraction.models import Extraction, State

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    queued = Extraction.objects.queued()
    while queued.exists():
        extraction = claim_fairest(worker=None)
        if extraction is not None:
            assert Extraction.objects.end(extraction, State.SUCCEEDED, http_status=200)
            sys.stdout.write(f"{extraction.pk}\n")


if __name__ == "__main__":
    django.setup()
    main()
