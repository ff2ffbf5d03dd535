"""How days, times and numbers are written on pages, by language (Django's FORMAT_MODULE_PATH)."""
