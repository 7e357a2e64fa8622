"""Grids (网格): parts of the county, what lies in them, and what their people have to do (contract 12)."""
