"""A site that only stores what is uploaded, with a row: what ``benchmarks.uploads`` compares with.

Served by the same web server, on a database with the same options.
"""
