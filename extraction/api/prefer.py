"""The ``Prefer`` request header (RFC 7240): how long a caller wants to wait."""

import re

_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?')


def seconds_to_wait(prefer: str, *, default: int, at_most: int) -> int:
    """Return the seconds to wait for a result before answering 202.

    ``wait=N`` counts, even beside ``respond-async``, as the RFC has it; ``respond-async`` alone
    is no wait at all. What is not understood is ignored.
    """
    preferences = [part.strip().lower() for part in re.split("[,;]", prefer)]
    for preference in preferences:
        if wait := _WAIT.fullmatch(preference):
            return min(int(wait[1]), at_most)
    return 0 if "respond-async" in preferences else default
