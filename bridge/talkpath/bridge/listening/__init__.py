"""Listening to live calls: from the taps of the media plane to whoever may listen."""
