"""What the county's platforms and GIS read: open standards over the same rows (contract 9)."""
