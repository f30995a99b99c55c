"""The tasks of the paper, a file each, in the order of its tables."""

from model.evaluate.task import Task
from model.evaluate.tasks.lambada import LAMBADA

TASKS: dict[str, Task] = {task.name: task for task in (LAMBADA,)}
