"""What good answers hold: nothing is dumped by these, but the reference shows them and tests hold to them."""
