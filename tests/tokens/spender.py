"""What a process does that spends a company's quota, for tests."""

import random
import uuid
from datetime import timedelta


def spend(company_id: str, seed: int, calls: int) -> dict[str, int]:
    """Make the calls: most settle at or below what was reserved, some are released or unknown.

    Return what was settled, in LLM tokens, and how many calls found no usable key.
    """
    from tokens import ledger
    from tokens.call_cost import Cost
    from tokens.selection import KeysBusy, NoUsableKey, take
    from tokens.usage import Requester, Usage

    choice = random.Random(seed)
    who = Requester(company_id=company_id, branch="Default", requested_by=str(seed))
    settled = without_key = 0
    while calls:
        attempt_id = uuid.uuid4()
        try:
            token, reservation, _ = take(
                company_id,
                attempt_id=attempt_id,
                cost_of=lambda _: Cost(100, 300, 50),
                lease=timedelta(minutes=5),
            )
        except KeysBusy:
            continue
        except NoUsableKey:
            without_key += 1
            calls -= 1
            continue
        calls -= 1
        match choice.choice(["bill", "bill", "full", "unknown", "release"]):
            case "bill":
                used = choice.randint(100, reservation.amount)
                ledger.settle(attempt_id, token.pk, Usage(used), **who)
                ledger.settle(attempt_id, token.pk, Usage(used), **who)
            case "full":
                used = reservation.amount
                ledger.settle(attempt_id, token.pk, Usage(100, used - 100), **who)
            case "unknown":
                used = reservation.amount
                ledger.settle_unknown(attempt_id, token.pk, used, **who)
            case _:
                used = 0
                ledger.release(attempt_id)
        settled += used
    return {"settled": settled, "without_key": without_key}
