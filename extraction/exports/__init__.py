"""What was read, handed over: tables, JSON Lines, documents, and e-invoices in UBL.

Writers are pure: they take ``Exported`` one by one and yield bytes, in memory that does not grow
with their number.
"""
