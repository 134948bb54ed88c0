"""Checks of what is shipped where the real tool is not at hand."""
