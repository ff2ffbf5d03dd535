"""``python -m benchmarks [name …]``: run every benchmark, or the named ones."""

import importlib
import subprocess
import sys

ALL = (
    *("pages", "latency", "pipeline", "in_flight", "fairness", "selection", "quotas"),
    *("offline_accuracy", "corruptions", "evidence", "export", "list", "usage_report"),
    *("log_handler", "log_admin", "slow_connections", "uploads", "dashboard"),
)


def main() -> None:
    """Print one table per benchmark."""
    names = sys.argv[1:] or ALL
    if len(names) == 1:
        importlib.import_module(f"benchmarks.{names[0]}").main()
        return
    for name in names:
        # A process each: a data folder of its own counts only before the settings are read.
        subprocess.run([sys.executable, "-m", "benchmarks", name], check=True)


if __name__ == "__main__":
    main()
