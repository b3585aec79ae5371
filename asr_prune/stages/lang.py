"""Stage lang: lexicon and language model to FSTs; for CTC the tokens that words are spelled with."""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus.facts import ARPA, LEXICONS, LM_TEXT, SILPROB, Facts
from asr_prune.errors import UserError
from asr_prune.lang.lang import FOLDER_FILES
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.options import token_files
from asr_prune.lang.source import GrammarSource
from asr_prune.layout import SCORED_SETS
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Work


def works(experiment: Experiment) -> list[Work]:
    """One work: make the lang folder, or take one made by Kaldi."""
    if experiment.imported:
        return []
    if experiment.ctc:
        return [_tokens(experiment)]
    return [_taken(experiment) if experiment.recipe.lang.folder else _lang(experiment)]


def _lang(experiment: Experiment) -> Work:
    layout, options, source = experiment.layout, experiment.recipe.lang, grammar_source(experiment)
    lexicon = _lexicon(experiment)
    return Work(
        stage="lang",
        says="making L and G",
        job="asr_prune.lang.make:make_lang",
        arguments={"lexicon": lexicon, "out": layout.lang, "options": options, "source": source},
        inputs={lexicon: "corpus"} | source.made_by_corpus(layout.whole.data),
        outputs=[layout.lang / name for name in (*FOLDER_FILES, *source.estimates())],
        optional=[*_beside(lexicon), *source.given(layout.whole.data)],
        home=layout.exp,
    )


def _lexicon(experiment: Experiment) -> Path:
    facts = experiment.facts or Facts(lexicon=True)
    return experiment.layout.dictionary / facts.lexicon_file


def _beside(lexicon: Path) -> list[Path]:
    """What is read beside a lexicon with probabilities."""
    after = LEXICONS[LEXICONS.index(lexicon.name) + 1 :]
    names = (*after, SILPROB) if lexicon.name == LEXICONS[0] else after
    return [lexicon.with_name(name) for name in names]


def _taken(experiment: Experiment) -> Work:
    layout, folder = experiment.layout, experiment.recipe.lang.folder
    assert folder is not None
    return Work(
        stage="lang",
        says=f"taking {folder}",
        job="asr_prune.kaldi.take_lang_folder:take_lang_folder",
        arguments={"source": folder, "out": layout.lang},
        inputs={},
        outputs=[layout.lang / name for name in FOLDER_FILES],
        optional=[Files(folder, ("**/*",))],
        home=layout.exp,
    )


def _tokens(experiment: Experiment) -> Work:
    layout, recipe = experiment.layout, experiment.recipe
    search = recipe.decode.search == "graph"
    lexicon = _lexicon(experiment) if recipe.lang.tokens == "phones" else None
    if lexicon and not search:
        raise UserError("lang.tokens phones spell no word with greedy decoding; set decode.search to graph.")
    if lexicon and not (experiment.facts or Facts(lexicon=True)).lexicon:
        raise UserError("lang.tokens phones takes a lexicon, and the corpus has none; set it to characters or pieces.")
    source = grammar_source(experiment) if search else None
    train, says = layout.set("train"), "learning the tokens of CTC"
    if experiment.loaded.recipe.decode.type == "auto":
        says += " (the corpus has no lexicon: networks learn to spell its words, without alignment)"
    names = token_files(recipe.lang.tokens)
    names += ["words.txt", "G.fst", *source.estimates()] if source else []
    return Work(
        stage="lang",
        says=says,
        job="asr_prune.lang.make:make_token_lang",
        arguments={
            "train": train,
            "out": layout.lang,
            "options": recipe.lang,
            "lexicon": lexicon,
            "source": source,
        },
        inputs={train / "text": "corpus"}
        | ({lexicon: "corpus"} if lexicon else {})
        | (source.made_by_corpus(layout.whole.data) if source else {}),
        outputs=[layout.lang / name for name in names],
        optional=source.given(layout.whole.data) if source else [],
        home=layout.exp,
    )


def grammar_source(experiment: Experiment) -> GrammarSource:
    """What G is made of. Raises UserError if lang.lm asks for a model that nothing would use."""
    options, layout = experiment.recipe.lang, experiment.layout
    facts, dictionary = experiment.facts or Facts(lexicon=True), layout.dictionary
    arpa = dictionary / ARPA if facts.arpa and not options.lm.text else None
    if (instead := options.grammar or arpa) and options.lm != LmOptions():
        mend = "lang.grammar." if options.grammar else "set lang.lm.text to have a model estimated from it."
        raise UserError(f"lang.lm has no effect beside {instead}; leave lang.lm out, or {mend}")
    if instead:
        return GrammarSource(grammar=options.grammar, arpa=None if options.grammar else arpa)
    named = not options.lm.text and not facts.lm_text
    text = (layout.set("train") / "text",) if named else (dictionary / LM_TEXT,)
    dev, test = (layout.set(part) / "text" for part in SCORED_SETS)
    return GrammarSource(text=options.lm.text or text, named=named, heldout=dev, test=test)
