"""Django's database backend for SQL Server: mssql-django, corrected where it fails us."""
