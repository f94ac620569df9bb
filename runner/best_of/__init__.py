"""`submit --best-of N`: candidates by seed, judged by what the workflow's own nodes measured, the best one kept."""
