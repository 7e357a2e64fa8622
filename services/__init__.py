"""The programs of Firetower, in the order data flows: gateway, ingest, alerts, api; all stand on core."""
