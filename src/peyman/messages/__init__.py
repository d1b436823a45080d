"""The outbox: what we say to people, and the proof that it left."""
