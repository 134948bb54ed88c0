"""Who picked up: a human or an answering machine. For calls that we place, while they are young."""
