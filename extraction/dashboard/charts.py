"""The charts of the last 30 days, each with the same numbers as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from extraction.dashboard import links
from extraction.dashboard.links import Number
from extraction.document_days import DAYS, Counted
from extraction.models import State
from ocrsite.lib import charts
from ocrsite.lib.charts import Series
from ocrsite.lib.numbers import grouped
from tokens.dashboard import Spent

# So many companies and models are named, those with the most LLM tokens.
NAMED = 10
_TO_REVIEW = "to review"
_NUMBER = '<td class="number"><a href="{}">{}</a></td>'
# The parts of a bar, from the foot up: their states and classes.
_OUTCOMES: dict[str, tuple[tuple[State, ...], str]] = {
    "succeeded": ((State.SUCCEEDED,), "bar-good"),
    "failed": ((State.FAILED,), "bar-bad"),
    "cancelled": ((State.CANCELLED,), "bar-idle"),
    "not ended": (State.unended(), "bar-busy"),
}
_NAMES = {
    "succeeded": State.SUCCEEDED.label,
    "failed": State.FAILED.label,
    "cancelled": State.CANCELLED.label,
    "not ended": _("Not ended"),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its title, its legend (class, words), and a table of its numbers."""

    name: str
    title: str
    drawing: SafeString
    told: str
    legend: Sequence[tuple[str, str]]
    headings: Sequence[str]
    rows: SafeString


@dataclass(frozen=True, slots=True)
class Share:
    """One company or model with what it used, and its share of the largest in percent."""

    name: str
    tokens: Number
    cost: str
    drawing: SafeString


def documents_by_day(counts: Iterable[Counted], until: date) -> Chart:
    """Draw the documents received on each day by what became of them."""
    days = _days(until)
    named = {str(state): name for name, (states, _) in _OUTCOMES.items() for state in states}
    found: dict[date, Counter[str]] = defaultdict(Counter)
    for row in counts:
        found[row.day][named[row.state]] += row.documents
        found[row.day][_TO_REVIEW] += row.to_review
    title = gettext("Documents by the day on which they were received")
    series = [
        Series(str(_NAMES[name]).lower(), css_class, [found[day][name] for day in days])
        for name, (_, css_class) in _OUTCOMES.items()
    ]
    return Chart(
        "documents",
        title,
        charts.bars("documents", title, days, series),
        charts.described(days, series),
        [(css_class, str(_NAMES[name])) for name, (_, css_class) in _OUTCOMES.items()],
        [gettext("Day"), *(str(_NAMES[name]) for name in _OUTCOMES), gettext("To review")],
        _document_rows(days, found),
    )


def tokens_by_day(by_day: Mapping[date, Spent], until: date) -> Chart:
    """Draw the LLM tokens that each day's calls used."""
    days = _days(until)
    title = gettext("LLM tokens by day")
    series = [Series(gettext("LLM tokens"), "bar-brand", [by_day[day].tokens for day in days])]
    return Chart(
        "tokens",
        title,
        charts.bars("tokens", title, days, series),
        charts.described(days, series),
        [],
        [gettext("Day"), gettext("Requests"), gettext("LLM tokens"), gettext("Cost")],
        _spent_rows(days, by_day),
    )


def shares(spent: Mapping[str, Spent], column: str, until: date) -> list[Share]:
    """Return the NAMED that used most of the LLM tokens of the last DAYS days.

    ``column`` is that of the list of usage rows which holds their names; "" stands for none.
    """
    most = sorted(spent.items(), key=lambda item: item[1].tokens, reverse=True)[:NAMED]
    largest = max((each.tokens for _, each in most), default=0) or 1
    since = until - timedelta(days=DAYS - 1)
    found = []
    for name, each in most:
        named = {column: name} if name else {f"{column}__isnull": True}
        address = links.usage(since, until, **named)
        drawing = charts.share(100 * each.tokens // largest)
        cost = links.words(costs(each), address)
        found.append(
            Share(name or gettext("not known"), Number(each.tokens, address), cost, drawing)
        )
    return found


def costs(spent: Spent) -> str:
    """Return what was spent in each currency, such as "1.24 EUR"; "" where it is not known."""
    return ", ".join(f"{grouped(amount, 2)} {currency}" for currency, amount in spent.costs)


def _days(until: date) -> list[date]:
    return [until - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _document_rows(days: Sequence[date], found: Mapping[date, Counter[str]]) -> SafeString:
    """A row for each day, the newest first; each number leads to its list."""
    filters = [
        *(urlencode(_of_states(states)) for states, _ in _OUTCOMES.values()),
        urlencode({"needs_review__exact": 1, "reviewed_at__isnull": True}),
    ]
    names = [*_OUTCOMES, _TO_REVIEW]
    return _rows(
        _NUMBER * len(filters),
        (
            _linked(links.documents(**links.received(day, day)), filters, names, found[day])
            for day in reversed(days)
        ),
        days,
    )


def _linked(
    address: str, filters: Sequence[str], names: Sequence[str], counts: Counter[str]
) -> list[str]:
    """The addresses and numbers of a row, one after the other."""
    pairs = zip(filters, names, strict=True)
    return [part for more, name in pairs for part in (f"{address}&{more}", grouped(counts[name]))]


def _of_states(states: Sequence[State]) -> dict[str, str]:
    if len(states) == 1:
        return {"state__exact": str(states[0])}
    return {"state__in": ",".join(map(str, states))}


def _spent_rows(days: Sequence[date], by_day: Mapping[date, Spent]) -> SafeString:
    """A row for each day, the newest first."""

    def row(day: date) -> list[str]:
        spent, address = by_day[day], links.usage(day, day)
        cost = links.words(costs(spent), address)
        return [address, grouped(spent.requests), address, grouped(spent.tokens), cost]

    form = f'{_NUMBER * 2}<td class="number">{{}}</td>'
    return _rows(form, (row(day) for day in reversed(days)), days)


def _rows(form: str, rows: Iterable[Sequence[str]], days: Sequence[date]) -> SafeString:
    """Rows of one form, each with its day before it."""
    named = zip(reversed(days), rows, strict=True)
    return format_html_join(
        "",
        f'<tr><th scope="row">{{}}</th>{form}</tr>',
        ((charts.words(day), *row) for day, row in named),
    )
