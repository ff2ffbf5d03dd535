"""Reading with Gemini: the one package that knows it."""
