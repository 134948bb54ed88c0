"""The daemon: media plane, Realtime session, call logic, supervisor and command line."""
