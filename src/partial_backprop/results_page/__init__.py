"""The results page: one HTML file with claims, runs, figures and tables, which opens offline."""
