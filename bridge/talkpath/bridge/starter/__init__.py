"""A first configuration, made from a few answers: Talkpath's own file, and what belongs into the PBX."""
