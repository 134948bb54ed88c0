"""A Realtime-compatible server to work against with no key and no phone.

``server.Simulator`` for tests, ``server.run_simulator`` for the command line; ``personas`` for who answers,
``script`` for prepared conversations, ``faults`` for everything that can go wrong. The protocol itself is
``session.RealtimeSession``, without input or output.
"""
