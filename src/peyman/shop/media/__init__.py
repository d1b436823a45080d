"""Pictures and videos of goods: what may come in, what is made of it, what is shown."""
