"""The kinds of items, one file each; a new file is found by being there."""
