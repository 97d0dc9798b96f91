"""Restores through a network that breaks, by processes that are killed, until all is home; and what was seen of it."""
