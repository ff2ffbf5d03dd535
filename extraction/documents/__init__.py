"""Bytes → an accepted document → upright page images, all inside limits."""
