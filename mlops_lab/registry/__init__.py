"""What may be used: models, their versions, who judged and approved them, and their aliases."""
