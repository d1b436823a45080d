"""Plain Python that every room may use: money, working time, Persian text, codes, refusals."""
