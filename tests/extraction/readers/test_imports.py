"""What only a reading needs is not loaded by a process that does not read."""

import subprocess
import sys

HEAVY = ["google.genai", "lxml", "pypdf", "pdf2image", "babel", "pypdfium2"]

WEB_PROCESS = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "ocrsite.settings"
import django
django.setup()
import django.contrib.admin
from django.urls import get_resolver
get_resolver().url_patterns
django.contrib.admin.autodiscover()
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_a_web_process_loads_no_library_of_a_reader() -> None:
    started = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS], capture_output=True, text=True, check=True
    )

    assert started.stdout.strip() == "[]"
