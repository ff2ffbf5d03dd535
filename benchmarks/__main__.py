"""``python -m benchmarks [name …]``: run every benchmark, or the named ones."""

import importlib
import sys

ALL = (
    *("pages", "latency", "pipeline", "in_flight", "selection", "offline_accuracy"),
    *("log_handler", "log_admin"),
)


def main() -> None:
    """Print one table per benchmark."""
    names = sys.argv[1:] or ALL
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
