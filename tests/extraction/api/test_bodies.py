"""Documents sent as JSON, and names that do not fit a column."""

import json
from base64 import b64encode
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from extraction.models import Extraction
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import pdf
from tokens.models import TokenMaster

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
BASE64 = b64encode(INVOICE).decode()
ADDRESSES = ["/extract", "/api/v1/extractions/"]


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


def send(integrator: Integrator, address: str = "/extract", **fields: Any) -> Any:
    form = {"file": BASE64, "companyID": "NT047", "username": "asha", **fields}
    sent = {name: value for name, value in form.items() if value is not None}
    return integrator.http.post(address, sent, format="json")


@pytest.mark.parametrize("address", ADDRESSES)
def test_document_comes_as_base64(integrator: Integrator, token: TokenMaster, address: str) -> None:
    response = send(integrator, address, file_name="März.pdf", branch="North", force=True)

    assert response.status_code == 202
    extraction = Extraction.objects.get()
    assert (extraction.file_name, extraction.branch) == ("März.pdf", "North")
    assert (extraction.size, extraction.media_type) == (len(INVOICE), "application/pdf")


@pytest.mark.parametrize(
    "written",
    [
        "data:application/pdf;base64," + BASE64,
        "data:;base64," + BASE64,
        "\r\n".join(BASE64[at : at + 76] for at in range(0, len(BASE64), 76)),
    ],
)
def test_base64_may_be_a_data_url_or_have_line_breaks(
    integrator: Integrator, token: TokenMaster, written: str
) -> None:
    assert send(integrator, FILE=written, file=None).status_code == 202
    assert Extraction.objects.get().file_name == "document"


@pytest.mark.parametrize(
    "written", ["%PDF-1.7", "ä", BASE64[:-1] + "!", f"data:text/plain,{BASE64}", 7, None, ["x"], {}]
)
def test_what_is_no_base64_is_rejected(integrator: Integrator, written: object) -> None:
    body = json.dumps({"file": written, "companyID": "NT047", "username": "asha"})

    response = integrator.http.generic("POST", "/extract", body, "application/json")

    assert response.status_code == 400
    assert response.json()["detail"] == (
        "file: must be Base64 of the document (RFC 4648, section 4)."
    )


@pytest.mark.parametrize("body", ["[]", "7", '"x"', "null", "{", "", '{"file": NaN}', "[" * 10_000])
def test_json_that_is_no_object_is_rejected(integrator: Integrator, body: str) -> None:
    response = integrator.http.generic("POST", "/extract", body, "application/json")

    assert response.status_code == 400


@pytest.mark.parametrize("name", ["a\ud800.pdf", "a\0.pdf", 7, {}, ["x"], None, "../../etc/x", ""])
def test_any_file_name_is_made_one_that_can_be_shown(
    integrator: Integrator, token: TokenMaster, name: object
) -> None:
    body = json.dumps({"file": BASE64, "companyID": "NT047", "username": "a", "file_name": name})

    response = integrator.http.generic("POST", "/extract", body, "application/json")

    assert response.status_code == 202
    assert Extraction.objects.get().file_name in ("a.pdf", "document", "x")


@pytest.mark.parametrize("company", ["\ud800", "a\0", {}, [], None, True])
def test_fields_of_other_kinds_are_rejected(integrator: Integrator, company: object) -> None:
    body = json.dumps({"file": BASE64, "username": "asha", "companyID": company})

    response = integrator.http.generic("POST", "/extract", body, "application/json")

    assert response.status_code == 400
    assert response.json()["detail"].startswith("companyID: ")


def test_json_above_the_limit_is_rejected(integrator: Integrator, settings: Settings) -> None:
    body = json.dumps({"file": "A" * (settings.MAX_BODY_BYTES)})

    response = integrator.http.generic("POST", "/extract", body, "application/json")

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("field", "limit"), [("companyID", 50), ("username", 100), ("branch", 50), ("licenceID", 100)]
)
def test_characters_that_take_two_units_count_twice(
    integrator: Integrator, token: TokenMaster, field: str, limit: int
) -> None:
    fits = "😀" * (limit // 2)

    assert send(integrator, **{field: fits}).status_code in (202, 403)  # 403: another company
    response = send(integrator, **{field: fits + "a"})

    assert response.status_code == 400
    assert response.json()["detail"] == (
        f"{field}: must not be longer than {limit} characters; some, such as emoji, count as two."
    )


def test_a_text_of_too_many_characters_is_told_so_once(integrator: Integrator) -> None:
    detail = send(integrator, branch="😀" * 51).json()["detail"]

    assert detail == "branch: must not be longer than 50 characters."
