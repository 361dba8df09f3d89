"""Parts of scripts/soak: the sounds, the house of processes, what is looked at, the verdict."""
