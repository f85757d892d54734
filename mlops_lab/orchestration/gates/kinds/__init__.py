"""The kinds of gates, a file each; one that is added here is known everywhere."""
