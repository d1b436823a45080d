"""Who reads the catalogue by machine: licences with their keys, and readers that are too many for one reader (D19)."""
