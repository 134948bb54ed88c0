"""The package for Debian and Ubuntu: `make deb`."""
