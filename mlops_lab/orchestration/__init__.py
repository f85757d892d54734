"""Do it again, safely: pipelines of notebooks, their gates, and the runs they leave behind."""
