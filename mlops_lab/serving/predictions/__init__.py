"""The prediction log: every answer is kept, found again, and judged when the truth arrives."""
