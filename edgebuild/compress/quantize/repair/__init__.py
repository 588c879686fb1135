"""Repairs of quantization: what makes the same bits lose less, before, while and after they are rounded."""
