"""Captures with one right answer each: built to the byte, and the same at every run."""
