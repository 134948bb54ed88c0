"""The daemon's HTTP face: metrics, health and (later) control."""
