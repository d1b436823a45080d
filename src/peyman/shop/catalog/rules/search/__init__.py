"""Finding goods by what people type."""
