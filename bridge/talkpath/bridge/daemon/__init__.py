"""The supervisor: child processes, the switchboard between them, signals, drain."""
