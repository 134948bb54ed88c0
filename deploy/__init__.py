"""Scripts and files that put Talkpath on a machine. Standard library only: they run before anything else."""
