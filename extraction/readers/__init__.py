"""A document → what it says: one package for each way to read."""
