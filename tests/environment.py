"""The environment of every test run, set before Django reads its settings.

Loaded with ``-p`` so that it comes before pytest-django. Data lands in a folder of its own.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile

# In memory where there is room: SQLite waits for the disk at each commit. In a container the folder
# often holds 64 MB only.
_MEMORY = "/dev/shm"
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 * 1024**3:
    tempfile.tempdir = os.environ["TMPDIR"] = _MEMORY


def _folder() -> str:
    made = tempfile.mkdtemp(prefix="ocrsite-tests-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


_data_dir = _folder()
# The first process makes it; pytest-xdist's workers find its name.
if "TESTS_SHARED_FOLDER" not in os.environ:
    os.environ["TESTS_SHARED_FOLDER"] = _folder()

# What finding the tests makes is kept: looking for garbage in it would take a fifth of that time.
# tests/conftest.py looks again, once they are found.
gc.disable()

# Compiled code is kept from run to run, whatever the environment says: compiling anew takes half of
# the time in which pytest finds the tests, and a quarter of each start of a process.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

os.environ.update(
    DATA_DIR=_data_dir,
    DEBUG="False",
    HTTPS="False",
    # Nobody listens there; tests that call Gemini point it at the emulator.
    GEMINI_BASE_URL="http://127.0.0.1:9/",
    RETRY_JITTER="False",
    EMAIL_HOST="",
)
for _name in ("REDIS_URL", "SECRET_KEY", "TOKEN_ENCRYPTION_KEYS", "TOKEN_FINGERPRINT_KEY"):
    os.environ.pop(_name, None)
