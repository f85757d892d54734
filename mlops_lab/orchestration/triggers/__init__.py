"""Triggers: what starts a pipeline by itself, once for each cause."""
