"""The status follows the clock and what is changed by SQL."""

from tokens.models import TokenMaster, TokenUsageSummary


def update_statuses() -> int:
    """Give every token the status that its limit and expiry call for; return how many changed.

    Active becomes Expired. A token that expired so becomes Active again once its expiry is in the
    future, and one that was used up once its limit was raised: the admin does that at once, and
    this, run by the sweep, after a change by SQL.
    """
    limits = TokenUsageSummary.objects.follow_limits()
    return limits + TokenMaster.objects.expire() + TokenMaster.objects.renew()
