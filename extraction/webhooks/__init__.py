"""Receivers are told what happens to documents, with signed HTTPS requests."""
