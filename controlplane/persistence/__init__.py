"""SQL: tables, migrations, transactions and one store per group of tables.

Belongs here: every statement of the system; stores take and return frozen rows, never SQLAlchemy objects.
Does not belong here: rules (domain), decisions (services, operations), HTTP.
May know: domain, kernel, settings, SQLAlchemy, and the drivers for the hot read path.

SQLite and PostgreSQL pass one contract suite; statements are plain compare-and-set.
"""
