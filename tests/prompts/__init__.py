"""Lists of prompts."""
