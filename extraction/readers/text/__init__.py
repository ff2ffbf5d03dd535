"""Reading the text of a document, from its text layer or by OCR, by rules."""
