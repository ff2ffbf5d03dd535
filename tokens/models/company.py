"""The companies whose documents are read, with what they begin with where people choose.

Other tables name a company by the text of its id, in columns of their own.
"""

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models.base import ModelBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.database import UtcNow
from ocrsite.lib.files import is_storage_fault

logger = logging.getLogger(__name__)

MAX_ID_LENGTH = 50
# Case folding makes at most three characters of one.
_MAX_FOLDED_LENGTH = 3 * MAX_ID_LENGTH


def folded(company_id: str) -> str:
    """Return one text for every way to write a company's id: without case, without blanks around.

    SQL Server's comparison does not tell these ways apart, either.
    """
    return company_id.strip().casefold()


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name; DISPLAY_TIME_ZONE for "" and for what is none.

    Rows that are written by SQL may name zones as Windows does.
    """
    return (_known_zone(name) if name else None) or ZoneInfo(settings.DISPLAY_TIME_ZONE)


@cache
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        if is_storage_fault(error, Path(settings.DATA_DIR)):
            raise  # no fault of the name: not to be remembered
        logger.error("A company's time zone is unknown: %r. Name one such as Asia/Kathmandu.", name)
        return None


class CompanyQuerySet(models.QuerySet["Company"]):
    def written(self, company_id: str) -> Self:
        """The company of this id, however it is written: one or none."""
        return self.filter(folded_id=folded(company_id))

    def active(self) -> Self:
        """Those that are not closed."""
        return self.filter(closed_at=None)

    def closed(self) -> Self:
        """Those whose documents are not read any more."""
        return self.filter(closed_at__isnull=False)


class Company(models.Model):
    """A company whose documents are read.

    One whose id is in use elsewhere and has no row here is an active one without defaults: rows of
    TokenMaster are also inserted by SQL, and the worker adds their company within seconds.
    """

    company_id = models.CharField(
        _("company id"), db_column="CompanyID", max_length=MAX_ID_LENGTH, primary_key=True
    )
    folded_id = models.CharField(
        db_column="FoldedID", max_length=_MAX_FOLDED_LENGTH, unique=True, editable=False
    )
    name = models.CharField(db_column="CompanyName", max_length=200, blank=True)
    time_zone = models.CharField(
        db_column="TimeZone",
        max_length=64,
        blank=True,
        help_text=_("IANA name, such as Asia/Kathmandu; empty means DISPLAY_TIME_ZONE."),
    )
    branches = models.TextField(
        db_column="Branches",
        blank=True,
        help_text=_("One per line; offered at an upload before those of earlier documents."),
    )
    default_reader = models.CharField(
        db_column="DefaultReader",
        max_length=20,
        blank=True,
        help_text=_("What is read of an upload: the value of an extraction's reader."),
    )
    default_model = models.CharField(
        db_column="DefaultModel",
        max_length=100,
        blank=True,
        help_text=_("Of new keys; empty means the site's default."),
    )
    export_as = models.CharField(
        db_column="ExportAs",
        max_length=100,
        blank=True,
        help_text=_("The columns of exports of its documents: format:id of a profile."),
    )
    # Rows that name the company so are found by ``ids``. A list, which is never filtered by.
    other_spellings = models.JSONField(
        db_column="OtherSpellings", default=list, blank=True, editable=False
    )
    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow(), editable=False
    )
    closed_at = models.DateTimeField(
        _("closed"), db_column="ClosedAt", null=True, blank=True, editable=False
    )

    objects = CompanyQuerySet.as_manager()

    class Meta:
        db_table = "Companies"
        verbose_name_plural = _("companies")
        ordering = ["company_id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.company_id})" if self.name else self.company_id

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save; the id without blanks around it, and folded. Raises IntegrityError for one in use.

        An id never changes: another one is another company.
        """
        self.company_id = self.company_id.strip()
        self.folded_id = folded(self.company_id)
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    @property
    def ids(self) -> list[str]:
        """Every way in which rows of other tables write its id, its own first."""
        return [self.company_id, *self.other_spellings]

    @property
    def is_closed(self) -> bool:
        """Whether its documents are not read any more."""
        return self.closed_at is not None

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone, or DISPLAY_TIME_ZONE."""
        return zone_named(self.time_zone)

    @property
    def branch_names(self) -> list[str]:
        """Its branches, in the order in which staff entered them."""
        return list(dict.fromkeys(filter(None, map(str.strip, self.branches.splitlines()))))
