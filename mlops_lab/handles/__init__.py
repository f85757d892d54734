"""What users hold: an id, its project, its verbs and a repr worth reading."""
