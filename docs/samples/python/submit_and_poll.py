"""Sends a document, and asks for its result until it is there: python submit_and_poll.py a.pdf

OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs requests.
"""

import os
import sys
import time
from pathlib import Path

import requests

URL = os.environ["OCRSITE_URL"]
FORM = {"companyID": os.environ.get("OCRSITE_COMPANY", "DEMO"), "username": "sample"}
site = requests.Session()
site.headers["Authorization"] = f"Api-Key {os.environ['OCRSITE_KEY']}"

path = Path(sys.argv[1])
with path.open("rb") as file:
    response = site.post(
        f"{URL}/api/v1/extractions/",
        # The name of your own document: sent twice, it is the same extraction.
        headers={"Idempotency-Key": f"sample-{path.name}"},
        data=FORM,
        files={"file": (path.name, file)},
        timeout=60,
    )
answer = response.json()
while answer.get("status") == "pending":
    time.sleep(int(response.headers.get("Retry-After", 2)))
    response = site.get(f"{URL}{answer['extraction']}", timeout=60)
    answer = response.json()

if answer.get("status") == "ok":
    invoice = answer["invoice"]
    number, total = invoice["invoice_number"], invoice["total_amount"]
    print(number, total, f"needs_review={invoice['needs_review']}")
else:
    sys.exit(f"{answer['code']}: {answer['detail']}")
