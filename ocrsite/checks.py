"""System checks of the installation as a whole."""

import logging
from typing import Any

from django.conf import settings
from django.core.checks import Warning

from ocrsite.lib.files import close_to_others

logger = logging.getLogger(__name__)


def check_data_dir(**_options: Any) -> list[Warning]:
    """Close DATA_DIR to the machine's other users, and warn of what stays open to them.

    ``serve``, ``worker`` and ``migrate`` run the checks first.
    """
    repair = close_to_others(settings.DATA_DIR)
    if repair.closed:
        logger.warning(
            "%d files and folders in DATA_DIR were open to other users of this machine; "
            "now they are closed to them.",
            repair.closed,
        )
    if not repair.still_open:
        return []
    return [
        Warning(
            f"{repair.still_open} files and folders in DATA_DIR are open to other users of this "
            "machine, and their modes cannot be changed.",
            hint="Run as the user who owns them, on a file system that knows modes, or close the "
            "folder above DATA_DIR to others.",
            id="ocrsite.W001",
        )
    ]
