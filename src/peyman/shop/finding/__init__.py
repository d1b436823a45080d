"""How goods are looked for: words that staff say mean the same, and what was looked for in vain."""
