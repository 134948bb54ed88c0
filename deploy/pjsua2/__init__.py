"""The production build of pjsua2 (see README.md beside this file)."""
