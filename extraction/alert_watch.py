"""Looks for what staff are to know and nobody reports: beside all work, every few seconds.

Whatever is found has an open alert until it is found to be over.
"""

import logging
import shutil
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Count, Q

from extraction import backup
from extraction.models import Extraction, State, Worker
from ocrsite.lib import clock
from ocrsite.lib.database import drop_connections
from tokens import emails, quota_alerts
from tokens.models import AlertKind, Finding, SiteAlert, TokenMaster, TokenStatus

logger = logging.getLogger(__name__)

# Seconds between two looks of one process.
EVERY = 30.0
# An alert is over only well on the other side of its limit: whatever stays about there would be
# told again and again.
LEAST_FREE = 1024**3  # bytes
ENOUGH_FREE = LEAST_FREE * 5 // 4
FAILURES_WITHIN = timedelta(hours=1)
# Of fewer documents a share says nothing.
FEWEST_ENDED = 10
MOST_FAILED_PERCENT = 20
FEW_FAILED_PERCENT = 15
# Looks in a row.
MISSED_BEFORE_TOLD = 3
NO_WORKER = "No worker has given a sign for more than a minute: documents wait. Start one."
_WORKER = "worker"


class Watch:
    """Looks every EVERY seconds, however often it is asked to."""

    def __init__(self, *looks: Callable[[], object]) -> None:
        self._looks = looks
        self._next = 0.0

    def look(self) -> None:
        """Look, if it is time. One that fails does not keep the others from looking."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        errors = []
        for look in self._looks:
            try:
                look()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]


def workers_live() -> bool:
    """Whether a worker lives; closes the alert that none does."""
    if not Worker.objects.living().exists():
        return False
    SiteAlert.objects.resolve(AlertKind.NO_WORKER, Q(subject=_WORKER))
    return True


def watch_workers(
    done: Callable[[float], bool], notify: Callable[[], object] = emails.deliver_alerts
) -> None:
    """Look for workers until ``done``, which waits for so many seconds, is true.

    The web processes do it: where no worker lives, nobody else could tell, so they ``notify`` for
    as long. A worker that is restarted is not missed.
    """
    missed = 0
    while not done(EVERY):
        try:
            close_old_connections()
            missed = 0 if workers_live() else missed + 1
            if missed >= MISSED_BEFORE_TOLD:
                SiteAlert.objects.raise_once(AlertKind.NO_WORKER, _WORKER, Finding(NO_WORKER))
                notify()
        except Exception:  # whatever it is: the look after the next one may succeed
            logger.info("Could not look for workers.", exc_info=True)
            missed = 0
            drop_connections()


def look_at_keys() -> None:
    """Close the alerts about rejected keys that staff have dealt with."""
    disabled = TokenMaster.objects.filter(status=TokenStatus.DISABLED)
    open_ones = SiteAlert.objects.filter(kind=AlertKind.KEY_REJECTED, resolved_at=None)
    if open_ones.exists():
        still = [f"key {pk}" for pk in disabled.values_list("pk", flat=True)]
        over = [each.pk for each in open_ones if each.subject not in still]
        SiteAlert.objects.resolve(AlertKind.KEY_REJECTED, Q(pk__in=over))


def look_at_failures() -> None:
    """Have an open alert for each company many of whose documents failed within an hour."""
    ended = Extraction.objects.filter(
        files_removed_at=None, finished_at__gt=clock.now() - FAILURES_WITHIN
    )
    by_company = (
        ended.filter(state__in=[State.SUCCEEDED, State.FAILED])
        .order_by()
        .values_list("company_id")
        .annotate(Count("pk"), failed=Count("pk", filter=Q(state=State.FAILED)))
    )
    found, not_over = {}, []
    for company_id, count, failed in by_company:
        subject = f"failures {company_id}"
        if count >= FEWEST_ENDED and failed * 100 > count * MOST_FAILED_PERCENT:
            text = f"{failed} of the {count} documents of {company_id} that ended within an hour"
            found[subject] = Finding(f"{text} failed.", company_id)
        elif failed * 100 > count * FEW_FAILED_PERCENT:
            not_over.append(subject)
    SiteAlert.objects.follow(AlertKind.FAILURES, found, not_over=not_over)


def look_at_disk() -> None:
    """Have an open alert while the disk of this host's DATA_DIR is almost full."""
    host = socket.gethostname()[:200]
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free >= ENOUGH_FREE:
        SiteAlert.objects.resolve(AlertKind.DISK, Q(subject=host))
    elif free < LEAST_FREE:
        text = f"The disk of DATA_DIR on {host} has less than 1 GiB left: {free // 1024**2} MiB."
        SiteAlert.objects.raise_once(AlertKind.DISK, host, Finding(text[:500]))


def look_at_backups() -> None:
    """Have an open alert while BACKUP_FOLDER has no backup younger than BACKUP_MAX_HOURS."""
    found = {}
    if settings.BACKUP_FOLDER:
        most = settings.BACKUP_MAX_HOURS
        newest = _newest_backup(Path(settings.BACKUP_FOLDER), time.time() + most * 3600)
        age = None if newest is None else (time.time() - newest) / 3600
        if age is None or age > most:
            told = "there is none" if age is None else f"the newest is {age:.0f} hours old"
            text = f"No backup is younger than {most} hours: {told}."
            found["backup"] = Finding(text)
    SiteAlert.objects.follow(AlertKind.BACKUP, found)


def _newest_backup(folder: Path, latest: float) -> float | None:
    """When the newest backup in a folder was written, no later than ``latest``; None without any.

    One of the future has a wrong time: it would be young for ever.

    That is a file, empty ones aside, or the database in a folder of ``manage.py backup``: documents
    alone are none.
    """
    try:
        databases = folder.glob(f"{backup.NAMES}/{backup.DATABASE}")
        files = (path for path in folder.iterdir() if path.is_file())
        stats = [path.stat() for path in (*databases, *files)]
    except OSError:
        return None
    written = (stat.st_mtime for stat in stats if stat.st_size)
    return max((at for at in written if at <= latest), default=None)


# What a worker looks for. That none lives the web processes tell.
LOOKS = (
    workers_live,
    quota_alerts.look,
    look_at_keys,
    look_at_failures,
    look_at_disk,
    look_at_backups,
)
