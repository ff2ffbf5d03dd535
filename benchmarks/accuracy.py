"""How many values are read right, how many wrong ones are flagged, and how many right ones.

The documents are the shared invoices (``$OCRSITE_SHARED``, else ``../shared``), our samples, and
those of the folder ``INVOICES``: PDFs and images with the canonical answer beside each as
``<file>.json``, or PDFs with an e-invoice. Every answer takes the way of production: upload,
pipeline, result; the emulator answers for the model. Writes ``docs/accuracy.md``.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.accuracy_report import report
from benchmarks.answered_site import collected_once, offline_result_of, result_of, set_up
from benchmarks.known_answers import Known, known_documents, receipt_answer, without_xml
from benchmarks.measured import Measured, Receipt, Tried
from benchmarks.readings import fields_read
from benchmarks.wrong_answers import OTHERS, WrongAnswer, wrong_answers
from tests.emulator import Emulator
from tests.running_site import ROOT

PROCESSES = os.cpu_count() or 2
REPORT = ROOT / "docs" / "accuracy.md"
RECEIPT = "receipt-photo"

_emulator: Emulator


@dataclass(frozen=True, slots=True)
class Job:
    """A document and the wrong answers to try on it."""

    known: Known
    wrong: list[WrongAnswer]


def main() -> None:
    """Measure all documents, print the report and write it to ``docs/accuracy.md``."""
    with tempfile.TemporaryDirectory() as folder:
        # The settings are read once: by this process, too, for the e-invoices' answers.
        os.environ["DATA_DIR"] = folder
        import django

        django.setup()
        shared = Path(os.environ.get("OCRSITE_SHARED") or "../shared").resolve()
        named = os.environ.get("INVOICES")
        jobs = sorted(jobs_for(shared, Path(named) if named else None), key=_cost, reverse=True)
        receipt = shared / "recorded"
        has_receipt = receipt.is_dir()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, context, _begin, (folder,)) as pool:
            try:
                measured = list(_shown([pool.submit(measure, job) for job in jobs]))
                recorded = pool.submit(measure_receipt, receipt).result() if has_receipt else None
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    measured.sort(key=lambda document: (document.group, document.name, document.kind))
    text = report(measured, recorded)
    print(text)
    if has_receipt:
        REPORT.write_text(text, "utf-8")
    else:
        print(f"The shared invoices are not in {shared}: {REPORT} stays as it was.")


def jobs_for(shared: Path, folder: Path | None) -> Iterator[Job]:
    """Yield every document with its wrong answers, one with an e-invoice also without that."""
    documents = list(known_documents(shared, folder))
    for known in documents:
        # Seeded by name: the same document has the same wrong answers in every run.
        chance = Random(known.name)
        strangers = [
            other.answer
            for other in documents
            if other.supplier != known.supplier and not other.is_scan
        ]
        others = chance.sample(strangers, min(OTHERS, len(strangers)))
        wrong = list(wrong_answers(known.answer, others, chance))
        yield Job(known, wrong)
        if known.has_xml:
            yield Job(without_xml(known), wrong)


def measure(job: Job) -> Measured:
    """Have a document read offline, and by a model that answers right, and wrong in every way."""
    known = job.known
    offline = offline_result_of(known.content, known.name)
    right = result_of(known.content, known.name, known.answer, _emulator)
    tried = [_try(known, wrong, right) for wrong in job.wrong]
    return Measured(
        group=known.group,
        name=known.name,
        kind="scan" if known.is_scan else "xml" if known.has_xml else "page",
        is_stripped=known.is_stripped,
        fields=fields_read(offline, known.facts),
        needs_review=offline["needs_review"],
        key_values=key_paths(known.answer),
        reasons=right["reasons"],
        contradicts_itself=known.xml_differs,
        tried=tried,
    )


def key_paths(answer: dict[str, Any]) -> list[str]:
    """Return the paths of the key values of an answer."""
    from extraction.evidence.values import is_key, values_of

    return [path for path, _, _ in values_of(answer) if is_key(path)]


def _try(known: Known, wrong: WrongAnswer, right: dict[str, Any]) -> Tried:
    result = result_of(known.content, known.name, wrong.answer, _emulator)
    return tried(wrong, known.answer, right["reasons"], result)


def tried(
    wrong: WrongAnswer,
    answer: dict[str, Any],
    of_right: list[dict[str, str]],
    result: dict[str, Any],
) -> Tried:
    """Return whether a wrong answer's result is flagged for what is wrong with it.

    It is by a reason that names the wrong value, or that the right answer does not have.
    """
    known = {(reason["path"], reason["code"]) for reason in of_right}
    new = [r for r in result["reasons"] if (r["path"], r["code"]) not in known]
    is_named = any(wrong.is_named_by(reason["path"]) for reason in result["reasons"])
    return Tried(
        kind=wrong.kind,
        field=wrong.field,
        path=wrong.path,
        true=value_at(answer, wrong.path),
        wrong=wrong.wrong,
        flagged=result["needs_review"] and (bool(new) or is_named),
        named=is_named,
    )


def value_at(answer: dict[str, Any], path: str) -> str | None:
    """Return the value of a path, None for a part of the answer that is more than a value."""
    value: Any = answer
    for part in path.split(".") if path else ():
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value if isinstance(value, str) else None


def measure_receipt(folder: Path) -> Receipt:
    """Have the recorded receipt read by the model that answered it wrong, and by one that is right.

    ``folder`` is that of the recorded answers.
    """
    content = (folder / f"{RECEIPT}.jpeg").read_bytes()
    recorded = json.loads((folder / f"{RECEIPT}.gemini.json").read_text("utf-8"))["answer"]
    label = json.loads((folder / f"{RECEIPT}.label.json").read_text("utf-8"))
    said, true = receipt_answer(recorded), receipt_answer(label)
    results = [result_of(content, f"{RECEIPT}.jpeg", answer, _emulator) for answer in (said, true)]
    wrong = {
        f"line_items.{index}.amount": (line["amount"], right["amount"])
        for index, (line, right) in enumerate(
            zip(said["line_items"], true["line_items"], strict=True)
        )
        if line["amount"] != right["amount"]
    }
    return Receipt(
        wrong=wrong,
        reasons_of_recorded=results[0]["reasons"],
        reasons_of_label=results[1]["reasons"],
        key_values=key_paths(true),
    )


def _begin(folder: str) -> None:
    """Set up a process of the pool, with a database of its own."""
    global _emulator
    data_dir = tempfile.mkdtemp(dir=folder)
    _emulator = set_up(data_dir)
    # For as long as the process lives.
    collected_once().__enter__()


def _cost(job: Job) -> int:
    return len(job.wrong) * (2 if job.known.is_scan or job.known.has_xml else 1)


def _shown(futures: list["Future[Measured]"]) -> Iterator[Measured]:
    """Yield results as they come, and print how far it is."""
    begun = time.monotonic()
    for number, future in enumerate(as_completed(futures), start=1):
        result, seconds = future.result(), time.monotonic() - begun
        of_all = f"{number} of {len(futures)} after {seconds:.0f} s"
        sys.stderr.write(f"{of_all}: {result.name} ({result.kind})\n")
        yield result
