"""The web page: make, edit and compare videos by eye. Needs the extra ``studio``."""
