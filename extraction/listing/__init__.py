"""The list of extractions: what its filters find, in bounded work, and what can be done with it."""
