"""What a search gives: a front of models, taken one by one."""
