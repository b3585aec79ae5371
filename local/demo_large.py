"""The large demo corpus: sentences over 100,000 words, spoken by espeak-ng in noise.

    python -m asr_prune.local.demo_large OUT [SEED]

Voices and noise are those of the demo corpus; words and pronunciations are CMU's, from the wheel
`pocketsphinx`. The language model is estimated from text that nobody speaks (local/lm.txt). Equal
seeds give equal bits.
"""

from __future__ import annotations

import logging
from pathlib import Path
from zlib import crc32

from asr_prune.files import atomic

from .demo import Script, data_dir, prepare_by_command, record
from .demo_large_text import Entries, Writer, dictionary
from .demo_voices import voices

log = logging.getLogger(__name__)

UTTERANCES = {"train": 20, "dev": 12, "test": 12}  # per voice
LM_SENTENCES = 80_000


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """Writes out/{train,dev,test}, out/local/{lexicon.txt,lm.txt} and out/audio/SPEAKER/*.wav.

    root: not used. Raises UserError if espeak-ng or pocketsphinx is missing or `out` cannot be
    written.
    """
    entries = dictionary()
    writer = Writer([word for word, _ in entries], seed)
    scripts = {part: _script(writer, part, seed) for part in UTTERANCES}
    lines = {voice: texts for part in scripts.values() for voice, texts in part.items()}
    seconds = record(lines, out / "audio", seed)
    for part, script in scripts.items():
        data = data_dir(out / part, script, out / "audio")
        data.write()
        minutes = sum(seconds[name] for name in data.text) / 60
        log.info("%s: %d utterances, %.1f minutes", part, len(data.text), minutes)
    _write_language(out / "local", entries, writer.sentences(LM_SENTENCES, [seed, crc32(b"lm")]))


def _script(writer: Writer, part: str, seed: int) -> Script:
    people = voices(part, seed)
    texts = writer.sentences(UTTERANCES[part] * len(people), [seed, crc32(part.encode())])
    return {voice: texts[index :: len(people)] for index, voice in enumerate(people)}


def _write_language(local: Path, entries: Entries, texts: list[list[str]]) -> None:
    with atomic(local / "lexicon.txt") as file:
        file.writelines(f"{word} {' '.join(phones)}\n" for word, phones in entries)
    with atomic(local / "lm.txt") as file:
        file.writelines(f"{' '.join(words)}\n" for words in texts)


if __name__ == "__main__":
    prepare_by_command("demo_large", prepare)
