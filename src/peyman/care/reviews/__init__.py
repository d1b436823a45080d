"""Reviews and questions: what the published rules say of a text, and where in it (D78, D80-D109)."""
