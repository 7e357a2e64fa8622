"""Rows become answers and live pages for people and platforms."""
