#!/usr/bin/env python
"""Django's command line for ocrsite."""

import os
import sys

from django.core.management import execute_from_command_line

from ocrsite.lib.files import restrict_umask

if __name__ == "__main__":
    restrict_umask()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    execute_from_command_line(sys.argv)
