"""How many pieces there are and how many are owed."""
