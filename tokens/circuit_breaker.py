"""Cool-downs: keys and whole projects that their provider asked to leave alone for a while.

They are rows, so that every process and host obeys them. When one has run out, a single call, the
probe, finds out whether the provider answers again; only then do the others follow.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from tokens.models import CoolDown, TokenMaster

# How soon to look again while somebody else's probe is under way.
PROBE_RECHECK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Held:
    """A key that may not be called before a time, at which it is worth asking again."""

    until: datetime


def with_cool_down() -> dict[str, Subquery]:
    """Annotations for a query of tokens: what ``held`` needs, without another statement."""
    rows = CoolDown.objects.filter(
        Q(token=OuterRef("pk")) | Q(project=OuterRef("project"))
    ).order_by("-closed_until")
    return {
        "closed_until": Subquery(rows.values("closed_until")[:1]),
        "probing": Subquery(rows.values("probing")[:1]),
    }


def held(token: TokenMaster) -> Held | None:
    """Say until when a token of a query ``with_cool_down`` is to be left alone."""
    closed_until: datetime | None = getattr(token, "closed_until", None)
    now = timezone.now()
    if closed_until is None or closed_until <= now:
        return None
    if getattr(token, "probing", False):
        return Held(min(closed_until, now + PROBE_RECHECK))
    return Held(closed_until)


def needs_probe(token: TokenMaster) -> bool:
    """Whether a token of a query ``with_cool_down`` comes out of one: a single call goes first."""
    return getattr(token, "closed_until", None) is not None


def claim_probe(token: TokenMaster, lease: timedelta) -> bool:
    """Become the one caller that finds out; False when another is, or it is closed again.

    A probe that is never heard of again is taken for dead when its lease runs out.
    """
    now = timezone.now()
    rows = CoolDown.objects.of(token)
    claimed = [
        pk
        for pk in rows.order_by("pk").values_list("pk", flat=True)
        if rows.filter(pk=pk, closed_until__lte=now).update(closed_until=now + lease, probing=True)
    ]
    if rows.exclude(pk__in=claimed).exists():
        rows.filter(pk__in=claimed).update(closed_until=now, probing=False)
        return False
    return True


def end_probe(token: TokenMaster, *, answered: bool) -> None:
    """Open the key and its project when the provider answered; else let the next call probe."""
    probed = CoolDown.objects.of(token).filter(probing=True)
    if answered:
        probed.delete()
    else:
        probed.update(closed_until=timezone.now(), probing=False)


def cool(token: TokenMaster, until: datetime, reason: str, *, whole_project: bool) -> None:
    """Have no call made with a key, or with any key of its project, before a time.

    A key without a project cools alone. A cool-down is never shortened, except by its probe: what
    the provider says now counts.
    """
    scope: dict[str, object] = (
        {"project": token.project} if whole_project and token.project else {"token_id": token.pk}
    )
    row = CoolDown.objects.filter(**scope)
    changed = {"closed_until": until, "probing": False, "reason": reason[:200]}
    _, created = CoolDown.objects.get_or_create(**scope, defaults=changed)
    if not created:
        row.filter(Q(probing=True) | Q(closed_until__lt=until)).update(**changed)


def forget(token: TokenMaster) -> None:
    """End the key's own cool-down: staff changed what was wrong with it."""
    CoolDown.objects.filter(token_id=token.pk).delete()
