"""Alarms in the database: locked, stepped, sealed, and their notices made, in one transaction."""
