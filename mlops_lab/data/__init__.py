"""Which data: datasets, their immutable versions, what runs were given of them."""
