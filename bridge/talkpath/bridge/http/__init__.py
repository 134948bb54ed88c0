"""The daemon's HTTP face: metrics, health, and the door to the API and the console."""
