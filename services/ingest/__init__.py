"""MQTT messages become rows; nothing is acknowledged before its commit."""
