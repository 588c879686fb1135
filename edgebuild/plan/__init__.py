"""Spec → Graph. Runs nothing, imports no runtime."""
