"""Other ways to bring readings from the broker to the database, measured beside ours."""
