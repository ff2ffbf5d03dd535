"""``{% moment … %}`` and ``{% day … %}``: see ocrsite.lib.moments."""

from django import template

from ocrsite.lib import moments

register = template.Library()
register.simple_tag(moments.moment)
register.simple_tag(moments.day)
