"""Sends a document and waits for what it says: python submit_and_wait.py invoice.pdf

OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs requests.
"""

import os
import sys
from pathlib import Path

import requests

URL = os.environ["OCRSITE_URL"]
HEADERS = {"Authorization": f"Api-Key {os.environ['OCRSITE_KEY']}"}
FORM = {"companyID": os.environ.get("OCRSITE_COMPANY", "DEMO"), "username": "sample"}

path = Path(sys.argv[1])
with path.open("rb") as file:
    response = requests.post(
        f"{URL}/extract", headers=HEADERS, data=FORM, files={"file": (path.name, file)}, timeout=90
    )
answer = response.json()
if answer["status"] == "ok":
    data = answer["data"]
    print(data["invoice_no"], data["total_amount"], f"needs_review={answer['needs_review']}")
elif answer["status"] == "pending":
    print("not read yet: ask", answer["extraction"])
else:
    sys.exit(f"{answer['code']}: {answer['detail']}")
