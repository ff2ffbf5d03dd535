"""Bars as SVG inside a page: no script, no style of their own, colours by class.

A chart is an image with a title and a description; the page has the same numbers as a table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ocrsite.lib.numbers import grouped

# The units of the drawing, which is stretched to the width that it gets.
WIDTH = 600
HEIGHT = 140
# Between two bars, of the width that one has.
GAP = 0.25


@dataclass(frozen=True, slots=True)
class Series:
    """One part of every bar: what it is called, its class, and its value for each day."""

    label: str
    css_class: str
    values: Sequence[int]


def bars(name: str, title: str, days: Sequence[date], series: Sequence[Series]) -> SafeString:
    """Draw a bar for each day, with the series on top of each other from the first one up.

    ``name`` is the chart's own within its page. The description tells the range and the largest
    bar; each part of a bar tells its day and number.
    """
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{}</title>'
        '<desc id="{name}-desc">{}</desc>{}</svg>',
        *(WIDTH, HEIGHT, title, described(days, series)),
        format_html_join(
            "",
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
            _parts(days, series),
        ),
        name=name,
    )


def described(days: Sequence[date], series: Sequence[Series]) -> str:
    """Return from when to when a chart goes, what it adds up to, and its largest bar."""
    totals = _totals(days, series)
    told = {"first": words(days[0]), "last": words(days[-1])}
    if not any(totals):
        return _("{first} to {last}: nothing.").format(**told)
    most = max(range(len(days)), key=lambda at: totals[at])
    told |= {"sum": grouped(sum(totals)), "day": words(days[most]), "most": grouped(totals[most])}
    return _("{first} to {last}: {sum}; most on {day}, {most}.").format(**told)


def share(percent: int, css_class: str = "") -> SafeString:
    """Draw how many percent of something; beyond 100 it is full. The page tells the number."""
    return format_html(
        '<svg class="share {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/><rect class="fill" width="{}" height="8"/>'
        "</svg>",
        *(css_class, max(0, min(100, percent))),
    )


def _parts(days: Sequence[date], series: Sequence[Series]) -> Iterator[tuple[str, ...]]:
    """The class, place, size and words of each part of each bar."""
    largest = max(_totals(days, series))
    slot = WIDTH / len(days)
    for at, day in enumerate(days):
        top = float(HEIGHT)
        for each in series:
            if not (value := each.values[at]):
                continue
            height = max(1.0, HEIGHT * value / largest)
            top -= height
            yield (
                each.css_class,
                *(f"{slot * (at + GAP / 2):.1f}", f"{max(0.0, top):.1f}"),
                *(f"{slot * (1 - GAP):.1f}", f"{height:.1f}"),
                f"{words(day)}: {each.label} {grouped(value)}",
            )


def _totals(days: Sequence[date], series: Sequence[Series]) -> list[int]:
    return [sum(each.values[at] for each in series) for at in range(len(days))]


def words(day: date) -> str:
    """Return a day as pages write it."""
    return _words(day, get_language())


@lru_cache(maxsize=200)
def _words(day: date, _language: str) -> str:
    return str(date_format(day, "DATE_FORMAT"))
