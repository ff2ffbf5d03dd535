"""Plausibility checks: pure functions, each with the source of its rule in its docstring.

``extraction.invoices.validation.run_checks`` runs them; ``sentences.explain`` says in words what a
failed one found.
"""
