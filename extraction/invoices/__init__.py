"""The canonical invoice: its schema, its checks, the former service's names, its presentation."""
