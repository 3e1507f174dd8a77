"""gesticulate: make the person in a photo speak and gesture to a speech recording."""

__version__ = "0.1.0"
