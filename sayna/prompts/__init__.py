"""Lists of prompts: read and check them, render what is missing, and move finished clips between machines."""
