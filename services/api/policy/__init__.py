"""What decides: rules with their numbers, policies, and who is called."""
