"""Figures for pages and paper: plain values in, percent and pixels out; who prints them chooses the colours."""
