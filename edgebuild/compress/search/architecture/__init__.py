"""Architectures: networks of a declared space, each trained a little, and the front of speed and metric among them."""
