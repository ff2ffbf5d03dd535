"""Django's backend for SQLite, for a file that is not replaced while processes use it."""
