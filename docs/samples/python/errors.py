"""Sends a document, again where that is of use, and says what is wrong: python errors.py a.pdf

OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs requests.
"""

import os
import random
import sys
import time
from pathlib import Path

import requests

URL = os.environ["OCRSITE_URL"]
HEADERS = {"Authorization": f"Api-Key {os.environ['OCRSITE_KEY']}"}
FORM = {"companyID": os.environ.get("OCRSITE_COMPANY", "DEMO"), "username": "sample"}
TRIES = 5


def submit(path: Path) -> requests.Response:
    """Send a document until it is answered for good, or the last try has failed."""
    key = f"sample-{path.name}"  # the same at each try: nothing is read twice
    address, form = "/extract", {"data": FORM, "files": {"file": (path.name, path.read_bytes())}}
    for number in range(1, TRIES + 1):
        headers = {**HEADERS, "Idempotency-Key": key}
        try:
            response = requests.post(f"{URL}{address}", headers=headers, timeout=90, **form)
        except (requests.ConnectionError, requests.Timeout):
            if number == TRIES:
                raise
            wait = 2**number
        else:
            if response.status_code not in (429, 503) or number == TRIES:
                break
            # Nothing is wrong with the document.
            wait = int(response.headers.get("Retry-After", 2))
            if recorded := response.json().get("extraction"):
                # What was recorded is read again; what was not is sent again.
                address, form, key = f"{recorded}retry/", {}, f"{key}-{number}"
        time.sleep(wait * random.uniform(1, 1.25))
    return response


response = submit(Path(sys.argv[1]))
answer = response.json()
if response.ok:
    print(answer["status"], answer["extraction"])
elif response.status_code in (502, 504):
    # The service has tried for minutes; later: POST to the extraction's retry/.
    print(f"later: {answer['code']}, {answer['extraction']}retry/", file=sys.stderr)
    sys.exit(2)
else:
    # The request or the document has to change: detail says how.
    sys.exit(f"{answer['code']}: {answer['detail']} (request {answer.get('request_id')})")
