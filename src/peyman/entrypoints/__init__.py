"""The doors: pages, API, jobs."""
