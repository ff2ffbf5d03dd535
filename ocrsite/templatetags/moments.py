"""``{% moment … %}`` and ``{% day … %}``: see ocrsite.lib.moments.

Times are shown in the time zone that the template's ``company_zone`` is, where there is one.
"""

from datetime import datetime

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from ocrsite.lib import moments

register = template.Library()
register.simple_tag(moments.day)


@register.simple_tag(takes_context=True)
def moment(
    context: Context, value: datetime | None, *, precise: bool = False, zone: bool = False
) -> SafeString:
    """Write a time."""
    return moments.moment(value, precise=precise, zone=zone, of=context.get("company_zone"))
