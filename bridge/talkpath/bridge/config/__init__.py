"""Configuration: one TOML file, read and checked as a whole before anything starts."""
