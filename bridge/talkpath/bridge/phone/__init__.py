"""The test phone: a browser talks to an agent over WebRTC, through a lane like every other call."""
