"""Serving: a model version answers requests in processes of its own, and every answer is kept."""
