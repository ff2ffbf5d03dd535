"""Keys, companies, clients and grants for programs of staff: the admin's doors to the domain."""
