"""The engines of this machine (espeak-ng, Piper, hibari) in one pool of processes that all workers share.

`pool` and `response` are the worker's side. The other modules run in the pool, where they may import nothing of
Sayna but this package, because each import costs every engine process its memory.
"""
