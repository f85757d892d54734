"""The kinds of findings, a file each; one that is added here is known everywhere."""
