"""What every CSV file of ours has in common: it is written piece by piece, and holds no formula."""

# A spreadsheet takes text that begins so for a formula, the wide forms in East Asian editions too
# (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class Echo:
    """A file whose ``write`` returns the text."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def inert(text: str) -> str:
    """Return text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
