"""Mixed precision by measurement: which layers of a model gain by integers on its target, and what that costs."""
