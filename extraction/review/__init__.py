"""Corrections, approval and the work queue."""
