"""Measuring the whole daemon on this machine: what a call costs, and how many it carries."""
