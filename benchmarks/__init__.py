"""Measurements, as ratios against a peer or a limit taken in the same run. ``make bench``."""

import os

# For the processes that a benchmark starts, too.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
