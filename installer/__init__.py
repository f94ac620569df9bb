"""What `install.py` does, one room per file. Standard library only: it runs before anything is installed."""
