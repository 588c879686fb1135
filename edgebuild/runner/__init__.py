"""What travels: runs a model on any machine and writes raw results.

`python -m edgebuild.runner JOB.json OUT_DIR`. Standard library and numpy only; the runtime comes with the session
module that the job names. Exit status 0: `result.json` stands. 2: the job is wrong, a sentence on stderr. 3: the
runtime declined, its words are in `refusal.json`. 4: memory or disk did not suffice, a sentence on stderr.
"""
