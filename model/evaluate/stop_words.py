"""English words that cannot end a passage of LAMBADA by themselves: a list of our own, of the closed classes of words, and of what an
apostrophe leaves of auxiliaries. LAMBADA's answers are nouns, full verbs, adjectives and adverbs."""

STOP_WORDS = frozenset(
    """
    a an the i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
    itself they them their theirs themselves one this that these those who whom whose which what whatever whoever some any no none each
    every either neither both all few many much more most other others another such same own several about above across after against
    along among around as at before behind below beneath beside between beyond by down during except for from in inside into like near of
    off on onto out outside over past since than through throughout to toward towards under until up upon with within without and but or
    nor so yet if because although though while when whenever where wherever whether unless am is are was were be been being have has had
    having do does did doing done will would shall should can could may might must ought don didn doesn isn wasn weren aren hasn haven hadn
    won wouldn shouldn couldn mustn ain s t d ll m re ve not only just even also too very then there here now how why again ever never
    still almost quite rather
    """.split()
)
