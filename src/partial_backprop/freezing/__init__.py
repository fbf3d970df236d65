"""Which weights to freeze, by what criterion, and how to freeze them."""
