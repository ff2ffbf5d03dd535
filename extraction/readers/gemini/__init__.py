"""Reading with Gemini: the only package that knows its API. Imported by ``reader_for`` alone."""
