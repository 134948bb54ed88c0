"""The transfer of a call to a human: its table, its targets, its words. Pure; the call performs it."""
