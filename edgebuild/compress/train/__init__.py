"""Training: a Keras model and samples → the same model with other weights, by one loop made of parts."""
