"""The status follows the clock."""

from tokens.models import TokenMaster


def expire_tokens() -> int:
    """Give every token the status that its expiry calls for and return how many changed.

    Active becomes Expired, and a token that expired so becomes Active again once its expiry,
    changed by SQL, is in the future (the admin does that at once). Run by the sweep.
    """
    return TokenMaster.objects.expire() + TokenMaster.objects.renew()
