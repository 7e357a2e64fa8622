"""The embedded default: real PostgreSQL with TimescaleDB and real mosquitto as private child processes."""
