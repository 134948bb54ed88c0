"""The SIP side: one process that speaks SIP through pjsua2 and never touches audio."""
