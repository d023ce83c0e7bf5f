"""What POST /speak does below HTTP."""
