"""How gunicorn's workers take connections, refuse requests and use memory."""
