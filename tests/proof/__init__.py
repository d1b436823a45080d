"""The proof: a thousand orders while everything is killed, and a bank that fails. `make proof`."""
