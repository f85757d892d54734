"""How a notebook gets executed; the only place that imports papermill and nbclient."""
