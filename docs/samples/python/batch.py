"""Sends many documents, or one ZIP, and waits until all have ended: python batch.py 1.pdf 2.pdf …

OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs requests.
"""

import os
import sys
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

import requests

URL = os.environ["OCRSITE_URL"]
FORM = {"companyID": os.environ.get("OCRSITE_COMPANY", "DEMO"), "username": "sample"}
# One key for each batch of yours: sent twice, nothing is read twice.
KEY = os.environ.get("OCRSITE_BATCH") or str(uuid.uuid4())
site = requests.Session()
site.headers["Authorization"] = f"Api-Key {os.environ['OCRSITE_KEY']}"

with ExitStack() as opened:
    paths = [Path(argument) for argument in sys.argv[1:]]
    files = [("file", (path.name, opened.enter_context(path.open("rb")))) for path in paths]
    sent = site.post(
        f"{URL}/api/v1/batches/",
        headers={"Idempotency-Key": KEY},
        data=FORM,
        files=files,
        timeout=300,
    ).json()
if "files" not in sent:
    sys.exit(f"{sent['code']}: {sent['detail']}")
for each in sent["files"]:
    if each["code"]:
        print("refused", each["name"], each["code"])
    elif each["came_before"]:
        print("known", each["name"], each["extraction"])

while sent["address"]:
    response = site.get(f"{URL}{sent['address']}", timeout=60)
    batch = response.json()
    print(batch["counts"]["succeeded"], "of", batch["documents"], "read", file=sys.stderr)
    if batch["ended"]:
        for each in batch["extractions"]:
            print(each["status"], each["file_name"], each["invoice_number"], each["total_amount"])
        break
    time.sleep(int(response.headers.get("Retry-After", 2)))
