"""What happened to one extraction, as one timeline."""
