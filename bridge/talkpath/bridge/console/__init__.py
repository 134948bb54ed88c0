"""The console: a page to watch and steer calls. A client of the control API like any other."""
