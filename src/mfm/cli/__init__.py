"""The terminal: the same verbs as over HTTP, and what only the server's own people may do."""
