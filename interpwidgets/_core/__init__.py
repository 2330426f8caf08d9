"""What every widget shares: the base class, the wire format, requests and answers, the static page. Knows no torch."""
