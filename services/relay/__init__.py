"""Joins a township's system to the county's: committed rows go up, commands and verdicts come down (contract 10)."""
