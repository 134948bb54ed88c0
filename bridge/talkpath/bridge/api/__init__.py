"""The control API: who calls now, what is said, and what an operator can do about it. HTTP and JSON."""
