"""Taking runs in, and the steps of an incident."""
