"""The pipeline in this process, with an emulator that answers what a benchmark wants."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.emulator import Answers, Emulator

if TYPE_CHECKING:
    from extraction.documents.document import Document

MODEL_COMPANY = "MODEL"
OFFLINE_COMPANY = "OFFLINE"
_QUOTA = 10**12
# An answer that cannot be used is asked for once more.
_RUNS = 2


def set_up(data_dir: str) -> Emulator:
    """Return a running emulator, after making a database with the two companies' keys.

    For a process of its own, in which nothing of Django has been loaded.
    """
    emulator = Emulator().__enter__()
    # Or its threads, which wait for the next call, keep the process from ending.
    Finalize(None, emulator.__exit__, (None, None, None), exitpriority=0)
    os.environ.update(DATA_DIR=data_dir, GEMINI_BASE_URL=emulator.url)
    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    make_keys()
    return emulator


def make_keys() -> None:
    """Give one company a Gemini key and the other one an offline key."""
    from tokens import services
    from tokens.models import Provider, TokenMaster

    for company, provider in (
        (MODEL_COMPANY, Provider.GEMINI),
        (OFFLINE_COMPANY, Provider.OFFLINE),
    ):
        key = TokenMaster(
            company_id=company,
            company_name=company,
            api_key=f"AIza-{company}",
            provider=provider,
            total_token_limit=_QUOTA,
        )
        services.create_token(token=key)


def result_of(content: bytes, name: str, answer: dict[str, Any], emulator: Emulator) -> Any:
    """Return the result of a document for which the model answers this.

    The pages are read even if there is an e-invoice inside.
    """
    emulator.answers = Answers()
    emulator.answers.add(answer)
    return _extract(content, name, MODEL_COMPANY, "model")


def offline_result_of(content: bytes, name: str) -> Any:
    """Return the result of a document that no model reads: e-invoice first, else its text."""
    return _extract(content, name, OFFLINE_COMPANY, "auto")


def _extract(content: bytes, name: str, company: str, reader: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from extraction import pipeline, submission
    from extraction.documents.intake import folder_of

    extraction = submission.submit(
        SimpleUploadedFile(name, content),
        company_id=company,
        requested_by="benchmark",
        branch="Default",
        client="user:1",
        reader=reader,
        force=True,
    ).extraction
    for _ in range(_RUNS):
        if not extraction.ended:
            pipeline.process(extraction.pk)
            extraction.refresh_from_db()
    shutil.rmtree(folder_of(extraction.pk))
    if extraction.result is None:
        raise RuntimeError(f"{name} was not read: {extraction.state}, {extraction.error_detail}")
    return extraction.result


@contextmanager
def collected_once() -> Iterator[None]:
    """Collect what a document says for the first answer only: for each answer it is the same."""
    from extraction.evidence import collection
    from extraction.evidence.collection import Sources

    collect = collection.collect
    last: dict[str, Sources] = {}

    def remembered(document: "Document") -> Sources:
        sha256 = hashlib.sha256(document.path.read_bytes()).hexdigest()
        if sha256 not in last:
            last.clear()
            last[sha256] = collect(document)
        return last[sha256]

    with mock.patch.object(collection, "collect", remembered):
        yield
