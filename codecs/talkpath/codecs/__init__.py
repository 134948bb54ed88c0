"""Pure numpy signal and wire formats: G.711, resampling, RTP, telephone events. No I/O, no clock."""
