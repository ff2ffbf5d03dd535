"""What the result page says at a value, as HTML.

Tags, because a page has thousands of values, and an included template takes 0.1 ms for each.
"""

from collections.abc import Collection
from functools import cache

from django import template
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from extraction.invoices.annotations import ORIGINS, Annotation
from extraction.invoices.schema import Source

register = template.Library()

_NOTHING = SafeString()
_SOURCE = '<span class="source" title="{}"><span class="visually-hidden">{}</span> {}</span>'
_FLAG = (
    '<span class="flag" title="{}"><span aria-hidden="true">!</span>'
    '<span class="visually-hidden">{}</span> {}</span>'
)


@register.simple_tag
def place(annotation: Annotation, page_numbers: Collection[int]) -> SafeString:
    """Return the attributes of the element that shows a value: to find, focus and outline it.

    ``page_numbers``: the pages whose images are shown.
    """
    evidence, reasons = annotation.evidence, annotation.reasons
    if evidence is None and not reasons:
        return _NOTHING
    attributes: dict[str, object] = {"id": f"value-{annotation.path}"}
    if reasons:
        described = " ".join(f"reason-{reason.number}" for reason in reasons)
        attributes |= {"tabindex": 0, "aria-describedby": described, "data-flagged": True}
    if evidence is not None and evidence.box is not None and evidence.page in page_numbers:
        box = " ".join(map(str, evidence.box))
        attributes |= {"tabindex": 0, "data-page": evidence.page, "data-box": box}
    return flatatt(attributes)


@register.simple_tag
def marks(annotation: Annotation) -> SafeString:
    """Return the numbers of the reasons to compare a value, and where it comes from."""
    evidence, reasons = annotation.evidence, annotation.reasons
    if evidence is None and not reasons:
        return _NOTHING
    told = _("to compare, reason") if reasons else ""
    flags = format_html_join("", _FLAG, ((reason.text, told, reason.number) for reason in reasons))
    source = _source(evidence.source, get_language()) if evidence else ""
    return format_html(' <span class="marks">{}{}</span>', flags, source)


@cache
def _source(source: Source, language: str | None) -> SafeString:
    """Return the mark of a source."""
    origin = ORIGINS[source]
    with override(language):
        return format_html(_SOURCE, origin.meaning, _("source:"), origin.mark)
