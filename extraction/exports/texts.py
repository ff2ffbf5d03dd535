"""Text that XML can hold."""

import re

# XML 1.0, 2.2: what no document may hold, however it is written.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """Return text without the characters that XML forbids."""
    return _NOT_XML.sub("", text)
