"""Bins that fill, what sensors say of them, trucks that empty them, in software."""
