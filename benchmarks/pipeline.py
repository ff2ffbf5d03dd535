"""CPU of the whole pipeline for a one-page invoice, split by stage, with the emulator.

The stages run in this process, as a worker runs them; CPU counts children (poppler) too. The
emulator runs in a process of its own and is not counted.
"""

import logging
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.running_site import ROOT, eventually, free_port

INVOICES = 30
WARM_UP = 3


def own_seconds() -> float:
    """User and system time of this process and its ended children."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def living_seconds() -> float:
    """User and system time of the children that live, and of theirs: parsers that stay."""
    each = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(
        times.user + times.system + times.children_user + times.children_system for times in each
    )


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the block's CPU time to a stage."""
        living = living_seconds()  # outside of what is measured: it takes milliseconds itself
        start = own_seconds()
        yield
        self.seconds[stage] += own_seconds() - start
        self.seconds[stage] += living_seconds() - living


def run(stages: Stages, number: int) -> None:
    """One invoice, through the same functions and in the same order as ``pipeline.process``."""
    from extraction import fairness, outcomes, pipeline, submission
    from extraction.evidence.collection import collect, compare
    from tests.extraction.sample_documents import pdf, upload

    with stages.measure("submit"):
        submission.submit(
            upload(pdf(f"INVOICE {number}\nTotal 119.00")),
            company_id="BENCH",
            requested_by="benchmark",
            branch="Default",
            client="user:1",
        )
    with stages.measure("claim"):
        extraction = fairness.claim_fairest(worker=None)
    assert extraction is not None
    with stages.measure("pages"):
        document = pipeline.prepare_pages(extraction)
    with stages.measure("choose and reserve"):
        call = pipeline.begin_attempt(extraction, document)
    with stages.measure("call"):
        reading = pipeline.read(document, call)
    with stages.measure("evidence"):
        comparison = compare(reading, collect(document))
    with stages.measure("settle, judge, finish"):
        outcomes.finish(extraction, call, reading, comparison, timings={})


def main() -> None:
    """Print CPU milliseconds of each stage, per invoice."""
    port = free_port()
    emulator = subprocess.Popen(
        [sys.executable, "-m", "tests.emulator", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        with tempfile.TemporaryDirectory() as data_dir:
            os.environ.update(DATA_DIR=data_dir, GEMINI_BASE_URL=f"http://127.0.0.1:{port}/")
            stages = measure_stages(port)
    finally:
        emulator.terminate()
        emulator.wait()
    total = sum(stages.seconds.values())
    print(f"\nCPU of one one-page invoice, mean of {INVOICES}\n")
    print("| stage | CPU ms | share |")
    print("|---|---|---|")
    for stage, seconds in stages.seconds.items():
        print(f"| {stage} | {1000 * seconds / INVOICES:.1f} | {100 * seconds / total:.0f} % |")
    print(f"| all | {1000 * total / INVOICES:.1f} | 100 % |")


def measure_stages(port: int) -> Stages:
    """Set up a database in DATA_DIR and run every invoice."""
    import socket

    import django
    from django.core.management import call_command

    django.setup()
    from tokens import services
    from tokens.models import TokenMaster

    call_command("migrate", verbosity=0)
    key = TokenMaster(company_id="BENCH", api_key="AIza-bench", total_token_limit=10**9)
    services.create_token(token=key)
    for _ in eventually(30):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
    warm_up, stages = Stages(), Stages()
    for number in range(WARM_UP + INVOICES):
        run(warm_up if number < WARM_UP else stages, number)
    logging.shutdown()  # the last records go to the database while it is there
    return stages
