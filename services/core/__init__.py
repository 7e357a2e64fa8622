"""What every program shares: contracts, topics, settings, database, MQTT, clock, logs, metrics."""
