"""Run the emulator by hand: ``python -m tests.emulator --port 8900 --answers FOLDER``."""

import argparse
import sys
from pathlib import Path

from tests.emulator.answers import Answers
from tests.emulator.server import Emulator, serve_forever


def main(arguments: list[str] | None = None) -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--answers", type=Path, help="a file or folder; default: made-up invoices")
    parser.add_argument(
        "--use-whole-budget",
        action="store_true",
        help="bill every answer at the whole output budget",
    )
    options = parser.parse_args(arguments)
    answers = Answers.load(options.answers) if options.answers else Answers()
    emulator = Emulator(answers, port=options.port, use_whole_budget=options.use_whole_budget)
    sys.stdout.write(f"Gemini emulator on {emulator.url} (set GEMINI_BASE_URL; Ctrl-C stops)\n")
    sys.stdout.flush()
    serve_forever(emulator)


if __name__ == "__main__":
    main()
