"""The first page of the admin: what happened today, what waits, and what needs somebody."""
