"""Keys, companies, clients and grants for programs of staff: what the admin offers, as an API."""
