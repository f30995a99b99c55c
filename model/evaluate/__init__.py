"""The paper's evaluation: a scorer, a file a task, and their results. See docs/evaluation.md."""
