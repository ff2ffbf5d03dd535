"""What the worker does every night."""

from datetime import time, timedelta

from django.utils import timezone
from django_q.models import Schedule


def ensure_nightly(name: str, function: str, at: time) -> None:
    """Have a function, given by its path, called every night at a time (UTC).

    A schedule of that name that is already there stays as staff have changed it; only its path
    follows a function that a release has moved.
    """
    tonight = timezone.now().replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    schedule, _ = Schedule.objects.get_or_create(
        name=name,
        defaults={
            "func": function,
            "schedule_type": Schedule.DAILY,
            "next_run": tonight + timedelta(days=1),
        },
    )
    if schedule.func != function:
        Schedule.objects.filter(pk=schedule.pk).update(func=function)
