"""The guard: whether we may say "half price" of a download now, and the signed ticket that says on what evidence."""
