"""The tasks of the paper, a file each, in the order of its tables."""

from model.evaluate.task import Task
from model.evaluate.tasks.cbt import CBT_TASKS
from model.evaluate.tasks.compression import ENWIK8, TEXT8
from model.evaluate.tasks.lambada import LAMBADA, LAMBADA_PREPROCESSED
from model.evaluate.tasks.sentences import ONE_BILLION, PTB
from model.evaluate.tasks.wikitext import WIKITEXT_2, WIKITEXT_103
from model.evaluate.tasks.winograd import WINOGRAD

LIKELIHOODS = (LAMBADA, LAMBADA_PREPROCESSED, *CBT_TASKS, WIKITEXT_2, PTB, ENWIK8, TEXT8, WIKITEXT_103, ONE_BILLION, WINOGRAD)

TASKS: dict[str, Task] = {task.name: task for task in LIKELIHOODS}
