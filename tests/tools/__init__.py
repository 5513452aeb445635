"""What the tests with real daemons and real phones are made of: capture, RTP, speech, phones, leak search."""
