"""Labels of documents: read from what people and programs send, and grouped by.

Two forms, the same everywhere: a JSON object of texts, or ``key=value`` separated by commas or line
breaks. Blanks around keys and values do not count, nor does the case of keys.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from extraction.models import Attempt, Extraction, Label
from extraction.models.label import MAX_KEY_LENGTH, MAX_VALUE_LENGTH, MOST_LABELS
from extraction.validators import reject_control_characters
from ocrsite.lib.columns import FitsColumn
from tokens.usage_report import Detail, Group, Grouping

# Far more than five labels need, however JSON escapes them.
_LONGEST = 10_000
_MOST_VALUES = 50
# Of the documents of a label: looking for so many takes some milliseconds.
_RARE = 1_000
# Before a key, where usage is grouped by it.
OF_LABEL = "label:"


def parse(sent: object) -> dict[str, str]:
    """Return labels by key. Raises ValidationError, whose message follows the field's name."""
    pairs = list(_pairs(sent))
    if len(pairs) > MOST_LABELS:
        raise ValidationError(_("must be at most %d labels.") % MOST_LABELS)
    labels: dict[str, str] = {}
    for key, value in pairs:
        name, text = _checked(key, value)
        if name in labels:
            raise ValidationError(_("must name each key once: “%s” is given twice.") % name)
        labels[name] = text
    return labels


def labels_of(extraction: Extraction) -> dict[str, str]:
    """Return an extraction's labels by key; prefetched where the caller did so."""
    return {label.key: label.value for label in extraction.labels.all()}


def labels_by_extraction(ids: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
    """Return the labels of those of the extractions that have any, without their rows.

    For many: what Django prefetches is freed late, for it refers to itself.
    """
    found: defaultdict[UUID, dict[str, str]] = defaultdict(dict)
    rows = Label.objects.filter(extraction_id__in=list(ids))
    for extraction_id, key, value in rows.values_list("extraction_id", "key", "value"):
        found[extraction_id][key] = value
    return dict(found)


def rows_of(extraction: Extraction, labels: Mapping[str, str]) -> list[Label]:
    """Return the rows to store with a new extraction."""
    return [Label(extraction=extraction, key=key, value=value) for key, value in labels.items()]


def condition(text: str) -> Q:
    """Return what ``key=value`` selects: rows with this label; ``key`` alone, with any of it."""
    return Q(Exists(_named(text).filter(extraction=OuterRef("pk"))))


def is_rare(text: str) -> bool:
    """Whether so few documents have the label that it is best to begin with them."""
    return len(_named(text).values_list("pk")[: _RARE + 1]) <= _RARE


def few(text: str) -> Q:
    """Return what ``condition`` does, for a label that is rare: its index is looked into once.

    For any other a database may read a row of each document that has it.
    """
    return Q(pk__in=_named(text).values("extraction_id"))


def _named(text: str) -> QuerySet[Label]:
    key, has_value, value = text.partition("=")
    named = Label.objects.filter(key=key.strip().lower()).order_by()
    return named.filter(value=value.strip()) if has_value else named


def counts(extractions: QuerySet[Extraction], key: str) -> list[tuple[str, int]]:
    """Return how many of the extractions have each value of a key, the most frequent first.

    Counted here, and from the extractions: a database would begin with all labels of the key,
    however few extractions are asked about, and SQL Server groups by no subquery.
    """
    # As an expression: SQLite would search the index of keys for each extraction.
    is_of_key = Exact(Concat("key", Value("")), key.strip().lower())
    labels = Label.objects.filter(is_of_key, extraction=OuterRef("pk")).order_by()
    values = extractions.annotate(value=Subquery(labels.values("value")[:1]))
    found = Counter(values.values_list("value", flat=True))
    del found[None]
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:_MOST_VALUES]


def known_keys(company_ids: Sequence[str] | None = None) -> list[str]:
    """Return every key in use, for people to choose from; by some companies, or by every one."""
    rows = Label.objects.order_by()
    if company_ids is not None:
        rows = rows.filter(extraction__company_id__in=company_ids)
    return sorted(set(rows.values_list("key", flat=True).distinct()))


def grouping(name: str) -> Grouping:
    """Return what usage is grouped by: a Group, or by ``label:project`` that label of documents.

    Raises ValueError for neither.
    """
    key = name.removeprefix(OF_LABEL).strip().lower()
    if not name.startswith(OF_LABEL) or not key:
        return Group(name)
    has_key = Q(extraction__labels__key=key)
    return Detail(
        name=f"{OF_LABEL}{key}",
        heading=f"Label {key}",
        rows=lambda: Attempt.objects.annotate(
            label=FilteredRelation("extraction__labels", condition=has_key)
        ).filter(label__isnull=False),
        prefix="charge__",
        value="label__value",
    )


def condition_of_calls(text: str) -> Q:
    """Return which usage rows ``key=value`` selects; ``key``: of any value, ``key=``: of none."""
    key, has_value, value = text.partition("=")
    calls = Attempt.objects.filter(pk=OuterRef("attempt_id"), extraction__labels__key=key)
    if value:
        # In one call, so that one label has both.
        calls = Attempt.objects.filter(
            pk=OuterRef("attempt_id"), extraction__labels__key=key, extraction__labels__value=value
        )
    return ~Q(Exists(calls)) if has_value and not value else Q(Exists(calls))


def _pairs(sent: object) -> Iterable[tuple[object, object]]:
    if isinstance(sent, Mapping):
        return sent.items()
    if not isinstance(sent, str):
        raise ValidationError(_("must be a JSON object of texts, or key=value, key=value."))
    if len(sent) > _LONGEST:
        raise ValidationError(_("must not be longer than %d characters.") % _LONGEST)
    text = sent.strip()
    return _of_json(text) if text.startswith("{") else _of_list(text)


def _of_json(text: str) -> list[tuple[object, object]]:
    try:
        # Pairs, not a dictionary: of a key that is given twice only one value would stay.
        pairs: Any = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise ValidationError(_("must be valid JSON where it begins with {.")) from error
    return list(pairs)


def _of_list(text: str) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    for part in filter(None, (each.strip() for each in text.replace(",", "\n").splitlines())):
        key, separator, value = part.partition("=")
        if not separator:
            raise ValidationError(_("must be written as key=value: “%.50s” has no “=”.") % part)
        pairs.append((key, value))
    return pairs


def _checked(key: object, value: object) -> tuple[str, str]:
    if not isinstance(key, str) or not isinstance(value, str):
        raise ValidationError(_("must have texts for values: write numbers in quotes."))
    name, text = key.strip().lower(), value.strip()
    if not name or not text:
        raise ValidationError(_("must have a key and a value each."))
    if "=" in name or "," in name:
        raise ValidationError(_("must have keys without “=” and commas."))
    for each, limit in ((name, MAX_KEY_LENGTH), (text, MAX_VALUE_LENGTH)):
        if len(each) > limit:
            raise ValidationError(
                _("must have keys of at most %(key)d and values of at most %(value)d characters.")
                % {"key": MAX_KEY_LENGTH, "value": MAX_VALUE_LENGTH}
            )
        FitsColumn(limit)(each)
        reject_control_characters(each)
    return name, text
