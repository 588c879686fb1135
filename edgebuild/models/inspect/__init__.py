"""Model → what it is."""
