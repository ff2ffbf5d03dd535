"""Where each value of an invoice stands on its document, and the verdict: proven, or to review."""
