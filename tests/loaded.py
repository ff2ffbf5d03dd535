"""What the server of ``tests.processes`` loads before it forks: Django and the project's work."""

import gc
import importlib

import django

from logs import levels

# What reads them would be a thread, and a process that forks is to have one alone.
levels.ended.set()
django.setup()
for _name in ("extraction.pipeline", "extraction.worker.housekeeping"):
    importlib.import_module(_name)
gc.collect()
gc.freeze()
