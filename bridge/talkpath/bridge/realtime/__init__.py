"""The Realtime session: a sans-I/O core, its wire format, its socket, its tools."""
