"""Recordings of calls: from the frames of the media plane to files that outlive a crash."""
