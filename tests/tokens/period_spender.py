"""What a process does that spends a company's quotas through three days, for tests."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

BEGINNING = datetime(2026, 11, 30, 12, tzinfo=UTC)  # a Monday, and the last of its month
DAYS = 3
MODEL = "gemini-x"


def spend(company_id: str, seed: int, calls: int) -> dict[str, int]:
    """Make at most so many calls a day, and go on to the next day when one is refused.

    Its clock is its own. Some calls are settled on the day after they began. Return what was
    settled, in LLM tokens, how often it was refused, and how often although a call would have
    fitted.
    """
    from ocrsite.lib import clock
    from tokens import ledger
    from tokens.call_cost import Cost
    from tokens.candidates import candidates
    from tokens.selection import KeysBusy, NoUsableKey, Taken, take
    from tokens.usage import Requester, Usage

    choice = random.Random(seed)
    who = Requester(company_id=company_id, branch="Default", requested_by=str(seed))
    told = {"settled": 0, "refused": 0, "falsely": 0}
    cost = Cost(100, 300, 50, model=MODEL)
    who_and_what: dict[str, Any] = {**who, "model": MODEL}

    def end(taken: Taken) -> None:
        reservation = taken.reservation
        call = reservation.attempt_id, taken.token.pk
        match choice.choice(["bill", "full", "unknown", "release"]):
            case "bill":
                used = choice.randint(100, reservation.amount)
                ledger.settle(*call, Usage(100, used - 100), **who_and_what)
            case "full":
                used = reservation.amount
                ledger.settle(*call, Usage(100, used - 100), **who_and_what)
            case "unknown":
                used = reservation.amount
                output = reservation.output_budget
                ledger.settle_unknown(*call, used, output_budget=output, **who_and_what)
            case _:
                used = 0
                ledger.release(reservation.attempt_id)
        told["settled"] += used

    kept: list[Taken] = []
    for day in range(DAYS):
        now = BEGINNING + timedelta(days=day)
        clock.now = lambda now=now: now  # type: ignore[misc]  # this process's own
        for taken in kept:
            end(taken)
        kept, left = [], calls
        while left:
            attempt_id = uuid.uuid4()
            try:
                taken = take(
                    company_id,
                    attempt_id=attempt_id,
                    cost_of=lambda _: cost,
                    lease=timedelta(days=30),
                )
            except KeysBusy:
                if kept:  # perhaps of its own calls
                    break
                continue
            except NoUsableKey:
                told["refused"] += 1
                # What is used only grows within a period: had it fitted then, it would now.
                fits = any(each.room(cost).is_left for each in candidates(company_id))
                told["falsely"] += fits
                break
            left -= 1
            if choice.random() < 0.05:
                kept.append(taken)
            else:
                end(taken)
    for taken in kept:
        end(taken)
    return told
