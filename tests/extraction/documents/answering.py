"""A module for the sandbox's child: answers, rejects, and dies in every way."""

import errno
import os

from extraction.exceptions import DocumentRejected


def answer(arguments: list[str]) -> list[str]:
    """Do what the first argument says, for tests of ``sandbox.run_child``."""
    way, *rest = arguments
    match way:
        case "reject":
            raise DocumentRejected("no_pages", "It has none.", 415)
        case "fill the disk":
            raise OSError(errno.ENOSPC, "full")
        case "die":
            os.abort()
        case "raise":
            raise ValueError("anything")
        case "raise without number":
            raise OSError("truncated")
    return rest
