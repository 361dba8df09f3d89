"""Sounds from packages of free games, to test on and to learn from."""
