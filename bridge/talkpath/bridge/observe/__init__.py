"""What an operator sees: logs, metrics, call records."""
