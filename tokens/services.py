"""Changes of a key that write several tables: its row, its totals, the record and the alerts.

Whatever changes both a key and its totals locks the totals first, as the ledger does: with one
order of locks there is no deadlock. Amounts are LLM tokens.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from ocrsite.lib.database import each_for_itself
from tokens import circuit_breaker, companies, encryption, quota_sums
from tokens.models import (
    BY_SQL,
    BY_SYSTEM,
    DEFAULT_THRESHOLD,
    USED_UP,
    AlertKind,
    Aspect,
    Company,
    Finding,
    PendingWipe,
    SiteAlert,
    ThresholdAlert,
    TokenChange,
    TokenMaster,
    TokenQuerySet,
    TokenStatus,
    TokenUsageSummary,
)

EXPIRED = "Its expiry has passed."
EXCEEDED = "Its limit is used up."
# What staff change to make a provider accept a key again.
_RESETS_BREAKER = {"api_key", "model", "project", "status"}


def create_token(*, token: TokenMaster, threshold: int = DEFAULT_THRESHOLD) -> None:
    """Insert a key and its totals, and its company where that is new, in one transaction."""
    with transaction.atomic():
        token.save()
        companies.register(Company.objects, {token.company_id: token.company_name or ""})
        TokenUsageSummary.objects.lock(token.pk)
        TokenUsageSummary.objects.filter(token_id=token.pk).update(threshold=threshold)
        quota_sums.note_that_none_applies(token.pk)


def update_token(
    *,
    token: TokenMaster,
    fields: Collection[str],
    by: str = BY_SYSTEM,
    reason: str = "",
    threshold: int | None = None,
) -> None:
    """Save these fields of a key, record what changed, and do what the change calls for.

    Status, limit and key are recorded as changed by whom and why. What remains follows the limit;
    an exceeded key whose limit is above its use is active again, and so is an expired one whose
    expiry is in the future. A change that may make its provider accept it again closes the key's
    own circuit breaker. A ``threshold`` is set, too, unless it is None.
    """
    with transaction.atomic():
        TokenUsageSummary.objects.lock(token.pk)
        before = TokenMaster.objects.select_for_update().get(pk=token.pk)
        token.save(update_fields=fields)
        if "api_key" in fields and not encryption.is_encrypted(before.api_key):
            PendingWipe.objects.remember()  # inserted in clear by SQL, a moment ago
        _record_changes(token, before, fields, by=by, reason=reason)
        if "company_id" in fields and token.company_id != before.company_id:
            quota_sums.move_key(token.pk, before.company_id, token.company_id)
        if threshold is not None:
            TokenUsageSummary.objects.filter(token_id=token.pk).update(threshold=threshold)
        active_again = False
        if "total_token_limit" in fields:
            TokenUsageSummary.objects.follow_limit(token.pk)
            active_again = reactivate(token_id=token.pk)
        if _RESETS_BREAKER.intersection(fields):
            circuit_breaker.reset(token)
        if "expires_at" in fields and _renew(TokenMaster.objects.filter(pk=token.pk)):
            active_again = True
        if active_again:
            token.status, token.status_reason = TokenStatus.ACTIVE, None


def change_status(
    *, tokens: TokenQuerySet, status: TokenStatus, reason: str, by: str = BY_SYSTEM
) -> int:
    """Give these keys a status and record it; return how many this call changed.

    At most 200 characters of the reason are kept. A key whose status another process changes at
    the same moment is left to that process.
    """
    changed = 0
    reason = reason[:200]
    for token_id, before in tokens.exclude(status=status).values_list("pk", "status"):
        with transaction.atomic():
            if tokens.filter(pk=token_id, status=before).update(
                status=status,
                # Why a key is out of use; an active one needs no reason.
                status_reason=None if status == TokenStatus.ACTIVE else reason,
            ):
                TokenChange.objects.create(
                    token_id=token_id,
                    what=Aspect.STATUS,
                    from_value=before,
                    to_value=status,
                    actor=by,
                    reason=reason,
                )
                changed += 1
    return changed


def tell_rejected(token: TokenMaster, reason: str) -> None:
    """Have an alert that a provider rejected a key, until staff have dealt with it."""
    told = Finding(f"Key {token} is disabled: {reason}"[:500], token.company_id)
    SiteAlert.objects.raise_once(AlertKind.KEY_REJECTED, f"key {token.pk}", told)


def mark_exceeded(*, token_id: int, smallest_call: int = 1) -> bool:
    """Turn an active key to Exceeded when it has less left than its smallest call costs."""
    exceeded = _with_used().filter(
        pk=token_id,
        status=TokenStatus.ACTIVE,
        total_token_limit__lt=F("used_tokens") + smallest_call,
    )
    if not exceeded.exists():
        return False
    with transaction.atomic():
        TokenUsageSummary.objects.lock(token_id)
        changed = change_status(tokens=exceeded, status=TokenStatus.EXCEEDED, reason=EXCEEDED)
        raise_alerts(token_id=token_id)
    return bool(changed)


def reactivate(*, token_id: int, reason: str | None = None) -> bool:
    """Turn an exceeded key back to Active when its limit is above what it used.

    With a ``reason``, only if it is exceeded for that one.
    """
    below_limit = _with_used().filter(
        pk=token_id, status=TokenStatus.EXCEEDED, total_token_limit__gt=F("used_tokens")
    )
    if reason is not None:
        below_limit = below_limit.filter(status_reason=reason)
    reason = "Its limit is above its use."
    return bool(change_status(tokens=below_limit, status=TokenStatus.ACTIVE, reason=reason))


def follow_use(*, token_id: int) -> None:
    """Turn an active key that is used up to Exceeded, and raise the alerts its state calls for.

    The caller's transaction has the totals locked, so that they are exact.
    """
    summary = TokenUsageSummary.objects.select_related("token").get(token_id=token_id)
    token = summary.token
    if token.status == TokenStatus.ACTIVE and token.total_token_limit <= summary.total_used_tokens:
        mark_exceeded(token_id=token_id)
        raise_alerts(token_id=token_id)
    else:
        _raise_alerts(summary)


def raise_alerts(*, token_id: int) -> None:
    """Raise the alerts that the state of a key calls for, each once.

    The caller's transaction has the totals locked, so that they are exact.
    """
    _raise_alerts(TokenUsageSummary.objects.select_related("token").get(token_id=token_id))


def _raise_alerts(summary: TokenUsageSummary) -> None:
    limit, remaining = summary.token.total_token_limit, summary.total_remaining_tokens
    crossed = {summary.threshold} if remaining < summary.threshold else set()
    if remaining <= 0 or summary.token.status == TokenStatus.EXCEEDED:
        crossed.add(USED_UP)
    for threshold in crossed:
        ThresholdAlert.objects.raise_once(
            summary.token_id, threshold=threshold, limit=limit, remaining=remaining
        )


def update_statuses() -> int:
    """Give every key the status that its limit and expiry call for; return how many changed.

    The reconciler runs this, for the clock and for changes by SQL; ``update_token`` does the same
    at once for a change by staff. A key that staff set to Expired or Exceeded stays so. Quotas that
    apply to a key since a change by SQL are noticed, too.
    """
    quota_sums.find_unnoticed()
    return _follow_limits() + _expire() + _renew(TokenMaster.objects.all())


def _expire() -> int:
    """Turn active keys whose expiry has passed to Expired and return how many."""
    expired = TokenMaster.objects.filter(status=TokenStatus.ACTIVE, expires_at__lte=timezone.now())
    return change_status(tokens=expired, status=TokenStatus.EXPIRED, reason=EXPIRED)


def _renew(tokens: TokenQuerySet) -> int:
    """Turn those back to Active whose expiry was moved to the future, and return how many.

    A key that staff set to Expired by hand stays so.
    """
    renewed = tokens.unexpired().filter(status=TokenStatus.EXPIRED, status_reason=EXPIRED)
    reason = "Its expiry is in the future."
    return change_status(tokens=renewed, status=TokenStatus.ACTIVE, reason=reason)


def _follow_limits() -> int:
    """Notice the limits that were changed by SQL, record each, and return how many.

    What was used and what remained of it add up to the limit as it was last known.
    """
    known = F("total_used_tokens") + F("total_remaining_tokens")
    changed = TokenUsageSummary.objects.alias(known=known).exclude(
        known=F("token__total_token_limit")
    )
    return each_for_itself(_follow_limit, list(changed.values_list("token_id", flat=True)))


def _follow_limit(token_id: int) -> bool:
    with transaction.atomic():
        TokenUsageSummary.objects.lock(token_id)
        row = TokenUsageSummary.objects.select_related("token").get(token_id=token_id)
        before = row.total_used_tokens + row.total_remaining_tokens
        if before == row.token.total_token_limit:  # another process was first
            return False
        TokenChange.objects.create(
            token_id=token_id,
            what=Aspect.LIMIT,
            from_value=before,
            to_value=row.token.total_token_limit,
            actor=BY_SQL,
            reason="Changed in the database by hand.",
        )
        TokenUsageSummary.objects.follow_limit(token_id)
        if before < row.token.total_token_limit:
            reactivate(token_id=token_id)
        mark_exceeded(token_id=token_id)
        raise_alerts(token_id=token_id)
    return True


def _record_changes(
    token: TokenMaster, before: TokenMaster, fields: Collection[str], *, by: str, reason: str
) -> None:
    """Record what of status, limit and key differs from the row as it was before."""
    changed: dict[Aspect, tuple[str | int, str | int]] = {}
    if "status" in fields and token.status != before.status:
        changed[Aspect.STATUS] = before.status, token.status
    if "total_token_limit" in fields and token.total_token_limit != before.total_token_limit:
        changed[Aspect.LIMIT] = before.total_token_limit, token.total_token_limit
    if "api_key" in fields and not token.holds_key_of(before):
        changed[Aspect.KEY] = before.masked_key, token.masked_key
    for what, (old, new) in changed.items():
        TokenChange.objects.create(
            token=token, what=what, from_value=old, to_value=new, actor=by, reason=reason
        )


def _with_used() -> TokenQuerySet:
    """Keys with ``used_tokens``, to filter by; null for one without totals."""
    summary = TokenUsageSummary.objects.filter(token_id=OuterRef("pk"))
    return TokenMaster.objects.alias(used_tokens=Subquery(summary.values("total_used_tokens")))
