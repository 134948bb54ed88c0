"""The media plane: sockets, jitter rings and playout of all calls of one worker, as arrays."""
