"""How an installation wants its exports: columns, headings, and how values are written."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class TableFormat(models.TextChoices):
    """The formats that have columns."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel"


class RowsPer(models.TextChoices):
    """What one row of a table stands for."""

    INVOICE = "invoice", _("Invoice")
    LINE = "line", _("Line")


class DecimalSign(models.TextChoices):
    """What separates whole units from fractions."""

    POINT = ".", _("point")
    COMMA = ",", _("comma")


class Separator(models.TextChoices):
    """What separates the columns of a CSV file."""

    COMMA = ",", _("comma")
    SEMICOLON = ";", _("semicolon")
    TAB = "\t", _("tab")


class DateFormat(models.TextChoices):
    """How days are written, as ``strftime`` takes it."""

    ISO = "%Y-%m-%d", "2026-11-03"
    GERMAN = "%d.%m.%Y", "03.11.2026"
    BRITISH = "%d/%m/%Y", "03/11/2026"
    AMERICAN = "%m/%d/%Y", "11/03/2026"


class ExportProfile(models.Model):
    """A table that staff composed. Separator, signs and mark count in CSV alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    format = models.CharField(max_length=10, choices=TableFormat, default=TableFormat.CSV)
    rows_per = models.CharField(
        _("one row per"), max_length=10, choices=RowsPer, default=RowsPer.INVOICE
    )
    separator = models.CharField(max_length=1, choices=Separator, default=Separator.COMMA)
    decimal_sign = models.CharField(max_length=1, choices=DecimalSign, default=DecimalSign.POINT)
    date_format = models.CharField(max_length=10, choices=DateFormat, default=DateFormat.ISO)
    byte_order_mark = models.BooleanField(
        default=True,
        help_text=_("Excel reads a CSV file as UTF-8 only if it begins with this mark."),
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ExportColumn(models.Model):
    """One column of a profile."""

    profile = models.ForeignKey(ExportProfile, models.CASCADE, related_name="columns")
    position = models.PositiveSmallIntegerField(help_text=_("From left to right."))
    path = models.CharField(
        _("value"),
        max_length=100,
        blank=True,
        help_text=_("Such as supplier.name; a column without one stays empty."),
    )
    heading = models.CharField(max_length=100)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.heading
