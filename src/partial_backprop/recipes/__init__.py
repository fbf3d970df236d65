"""Recipes assemble parts into a run, one module each: ``run(config, job, *, options)``."""
