"""Parts of scripts/benchmark: the subjects, the processes they run in, the estimate for a small Pi, the report."""
