"""The only SQL: PostgreSQL, embedded or given, and what is read from and written to it."""
