"""What an incident may become, what it says, and how each step of it is signed."""
