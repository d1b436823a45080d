"""The market: apps, and downloads that are billed at half price only where there is evidence."""
