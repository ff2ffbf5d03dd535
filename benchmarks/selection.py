"""Choosing and reserving a key, among more and more keys: the time must not grow with their number.

On SQLite, in this process. Every key has a company of its own, but for one company with the most
keys that a company is expected to have.
"""

import os
import statistics
import tempfile
import time
import uuid
from datetime import timedelta

TOTALS = (10, 1_000, 100_000)
KEYS_OF_THE_LARGEST = 100
ROUNDS = 300
LIMIT = 10**12
WARM_UP = 20


def main() -> None:
    """Print median milliseconds by number of keys, and their ratio to the fewest."""
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(f"\nChoosing and reserving a key, median of {ROUNDS}\n")
        print("| keys in all | company with 1 key | ratio | company with 100 keys | ratio |")
        print("|---|---|---|---|---|")
        fewest: tuple[float, float] | None = None
        add_keys("LARGEST", KEYS_OF_THE_LARGEST)
        for total in TOTALS:
            grow_to(total)
            one, largest = median_ms("SMALL-0"), median_ms("LARGEST")
            fewest = fewest or (one, largest)
            print(
                f"| {total:,} | {one:.2f} ms | {one / fewest[0]:.2f} "
                f"| {largest:.2f} ms | {largest / fewest[1]:.2f} |"
            )


def add_keys(company_id: str, number: int) -> None:
    """Give a company so many keys, which never run out."""
    from tokens.models import TokenMaster

    for _ in range(number):
        TokenMaster.objects.create(
            company_id=company_id, api_key=f"AIza-{uuid.uuid4()}", total_token_limit=LIMIT
        )


def grow_to(total: int) -> None:
    """Create keys and totals until there are so many small companies."""
    from tokens.models import TokenMaster, TokenUsageSummary

    before = TokenMaster.objects.exclude(company_id="LARGEST").count()
    TokenMaster.objects.bulk_create(
        (
            TokenMaster(company_id=f"SMALL-{number}", api_key="AIza-key", total_token_limit=LIMIT)
            for number in range(before, total)
        ),
        batch_size=1_000,
    )
    without = TokenMaster.objects.filter(summary=None).values_list("pk", flat=True)
    TokenUsageSummary.objects.bulk_create(
        (TokenUsageSummary(token_id=pk, total_remaining_tokens=LIMIT) for pk in without),
        batch_size=1_000,
    )


def median_ms(company_id: str) -> float:
    """Take a key again and again, each time with the quota freed."""
    from tokens import ledger
    from tokens.call_cost import Cost
    from tokens.selection import take

    cost = Cost(fixed=4_000, output_max=8_192, output_floor=2_000)
    times = []
    for _ in range(WARM_UP + ROUNDS):
        attempt_id = uuid.uuid4()
        began = time.perf_counter()
        take(company_id, attempt_id=attempt_id, cost_of=lambda _: cost, lease=timedelta(minutes=5))
        times.append(time.perf_counter() - began)
        ledger.release(attempt_id)
    return 1000 * statistics.median(times[WARM_UP:])
