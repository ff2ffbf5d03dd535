"""The companies in the admin: one page makes one ready, one closes it and opens it again."""
