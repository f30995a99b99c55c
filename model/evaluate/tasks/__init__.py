"""The tasks of the paper, a file each, in the order of its tables."""

from model.evaluate.task import Task
from model.evaluate.tasks.cbt import CBT_TASKS
from model.evaluate.tasks.cnn_dailymail import CNN_DAILYMAIL
from model.evaluate.tasks.compression import ENWIK8, TEXT8
from model.evaluate.tasks.coqa import COQA
from model.evaluate.tasks.lambada import LAMBADA, LAMBADA_PREPROCESSED
from model.evaluate.tasks.languages import LANGUAGES, WEBTEXT_LANGUAGES
from model.evaluate.tasks.memorisation import MEMORISATION
from model.evaluate.tasks.natural_questions import NATURAL_QUESTIONS
from model.evaluate.tasks.sentences import ONE_BILLION, PTB
from model.evaluate.tasks.wikitext import WIKITEXT_2, WIKITEXT_103
from model.evaluate.tasks.winograd import WINOGRAD
from model.evaluate.tasks.wmt14 import WMT14_EN_FR, WMT14_FR_EN

LIKELIHOODS = (LAMBADA, LAMBADA_PREPROCESSED, *CBT_TASKS, WIKITEXT_2, PTB, ENWIK8, TEXT8, WIKITEXT_103, ONE_BILLION, WINOGRAD)
_GENERATION = (COQA, CNN_DAILYMAIL, WMT14_EN_FR, WMT14_FR_EN, NATURAL_QUESTIONS, LANGUAGES, WEBTEXT_LANGUAGES, MEMORISATION)
TASKS: dict[str, Task] = {task.name: task for task in (*LIKELIHOODS, *_GENERATION)}
