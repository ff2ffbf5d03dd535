"""The worker: the processes that do the extractions, and those that look after them."""
