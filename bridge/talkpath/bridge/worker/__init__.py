"""A media worker: one process per core with RTP sockets, Realtime sockets and the calls between them."""
