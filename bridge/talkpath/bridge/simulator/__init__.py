"""A Realtime-compatible server to work against with no key and no phone."""
