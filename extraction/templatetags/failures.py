"""What a page says of a failure."""

from django import template

from extraction import error_texts

register = template.Library()

register.filter("told", error_texts.told)
