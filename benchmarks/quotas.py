"""Reserving with quotas that renew: four periods at once against one, and against none.

On SQLite, in this process. Each round reserves with a key of each kind in turn, so that whatever
else the machine does slows all of them alike.
"""

import os
import statistics
import tempfile
import time
import uuid
from datetime import timedelta

ROUNDS = 400
WARM_UP = 20
LIMIT = 10**12


def main() -> None:
    """Print median milliseconds, and the ratio to one period: at most 1.5 for four."""
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["DATA_DIR"] = data_dir
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        keys = {
            "none": add_key(),
            "one": add_key("monthly"),
            "four": add_key("daily", "weekly", "monthly", "total"),
        }
        medians = {name: statistics.median(times) for name, times in measure(keys).items()}
        print(f"\nReserving with quotas that renew, median of {ROUNDS}\n")
        print("| quotas | reserve | to one |")
        print("|---|---|---|")
        for name, median in medians.items():
            print(f"| {name} | {1000 * median:.2f} ms | {median / medians['one']:.2f} |")


def add_key(*periods: str) -> int:
    """Add a key with quotas of these periods, which never run out; return its id."""
    from tokens import quota_changes, services
    from tokens.models import Quota, TokenMaster

    token = TokenMaster(company_id=f"C-{len(periods)}", api_key="AIza-key", total_token_limit=LIMIT)
    services.create_token(token=token)
    for period in periods:
        quota_changes.save_quota(quota=Quota(token=token, period=period, limit=LIMIT))
    return token.pk


def measure(keys: dict[str, int]) -> dict[str, list[float]]:
    """Reserve with each key again and again, each time with the quota freed."""
    from tokens import ledger

    times: dict[str, list[float]] = {name: [] for name in keys}
    for _ in range(WARM_UP + ROUNDS):
        for name, token_id in keys.items():
            attempt_id, lease = uuid.uuid4(), timedelta(minutes=5)
            began = time.perf_counter()
            ledger.reserve(
                token_id, attempt_id=attempt_id, amount=1000, output_budget=0, lease=lease
            )
            times[name].append(time.perf_counter() - began)
            ledger.release(attempt_id)
    return {name: each[WARM_UP:] for name, each in times.items()}
