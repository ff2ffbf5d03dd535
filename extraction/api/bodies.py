"""What a request carries: JSON within bounds, and documents in JSON, as Base64."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

LARGEST_JSON = 1024 * 1024
# What browsers put before Base64 (RFC 2397).
_DATA_URL = "data:"
_BASE64 = ";base64"


class BoundedJSONParser(JSONParser):
    """JSON of LARGEST_JSON bytes at most, whose nesting Python can read."""

    largest: ClassVar[int] = LARGEST_JSON

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        """Return the value. Raises ParseError and RequestDataTooBig."""
        body = stream.read(self.largest + 1)
        if len(body) > self.largest:
            raise RequestDataTooBig
        try:
            return super().parse(BytesIO(body), *args, **kwargs)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error


class DocumentJSONParser(BoundedJSONParser):
    """An upload's form as JSON: ``file`` is the document in Base64, ``file_name`` its name.

    Base64 is a third longer, so that such a document may have three quarters of MAX_UPLOAD_MB.
    """

    largest = settings.MAX_BODY_BYTES

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> Any:
        """Return the fields, the document as an uploaded file. Raises ValidationError, too."""
        fields = super().parse(stream, *args, **kwargs)
        if not isinstance(fields, Mapping):
            raise ParseError("The JSON must be one object: the fields of the form by their names.")
        return {
            name: _file(value, fields) if name.lower() == "file" else value
            for name, value in fields.items()
        }


def _file(value: object, fields: Mapping[str, object]) -> SimpleUploadedFile:
    if not isinstance(value, str):
        raise _invalid_file()
    head, _, tail = value.partition(",") if value.startswith(_DATA_URL) else (_BASE64, "", value)
    try:
        if not head.endswith(_BASE64):
            raise _invalid_file()
        # Line breaks belong to MIME's Base64 (RFC 2045).
        content = b64decode("".join(tail.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _invalid_file() from error
    name = fields.get("file_name")
    return SimpleUploadedFile(name if isinstance(name, str) and name else "document", content)


def _invalid_file() -> ValidationError:
    return ValidationError({"file": ["must be Base64 of the document (RFC 4648, section 4)."]})
