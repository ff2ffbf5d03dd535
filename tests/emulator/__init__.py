"""An emulator of the Gemini API for tests and for work without a key.

It answers over real HTTP, bills as Google documents it, fails on request and keeps a ledger of
what it billed. In a test, take the ``emulator`` fixture; by hand, run
``python -m tests.emulator --port 8900`` and set ``GEMINI_BASE_URL=http://127.0.0.1:8900/``.
"""

from tests.emulator.answers import Answers
from tests.emulator.faults import Fault
from tests.emulator.ledger import Call
from tests.emulator.server import Emulator

__all__ = ["Answers", "Call", "Emulator", "Fault"]
