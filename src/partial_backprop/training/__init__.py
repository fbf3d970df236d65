"""One training loop for all recipes, and its parts."""
