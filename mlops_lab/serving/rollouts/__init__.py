"""Rollouts: who is answered by the candidate, and what its answers are evidence of.

Values and pure functions over them: nothing here opens a socket, reads a clock or keeps a thread.
"""
