"""What the worker does every night."""

from datetime import time, timedelta

from django.utils import timezone
from django_q.models import Schedule


def ensure_nightly(name: str, function: str, at: time) -> None:
    """Have a function, given by its path, called every night at a time (UTC).

    A schedule of that name that is already there stays as staff have changed it; only its path
    follows a function that a release has moved. Of several, which workers that start at the same
    moment make, since no constraint prevents it, the first one stays.
    """
    tonight = timezone.now().replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    named = Schedule.objects.filter(name=name).order_by("pk")
    if not named.exists():
        Schedule.objects.create(
            name=name,
            func=function,
            schedule_type=Schedule.DAILY,
            next_run=tonight + timedelta(days=1),
        )
    first, *others = named
    if others:
        named.exclude(pk=first.pk).delete()
    if first.func != function:
        named.filter(pk=first.pk).update(func=function)
