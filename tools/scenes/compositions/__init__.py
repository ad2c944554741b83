"""The four scenes composed by hand, one module each."""
