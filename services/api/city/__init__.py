"""What other platforms read and receive, in their own standards (contract 9)."""
