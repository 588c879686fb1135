"""Spec → Graph. Runs nothing, imports no runtime."""

from edgebuild.plan.lower import Plan, SpecPlan, TargetPlan, lower

__all__ = ["Plan", "SpecPlan", "TargetPlan", "lower"]
