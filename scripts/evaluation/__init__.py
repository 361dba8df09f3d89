"""Parts of scripts/evaluate: sets of sound with known truth, the ears that hear them, the figures and the report."""
