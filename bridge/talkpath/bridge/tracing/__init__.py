"""One trace per call, for OpenTelemetry: the call, its sessions, turns, functions and transfer."""
