"""What the reference says about each endpoint; the views point here."""
