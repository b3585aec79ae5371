"""The demo corpus's text: a grammar of commands for a house, and its words' pronunciations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

# Lower-case names are rules, upper-case ones are words. The alternatives of a rule are drawn as
# from a shuffled deck of cards, so that all of them occur.
GRAMMAR: dict[str, list[str]] = {
    "command": [
        "TURN THE side device switch",
        "SWITCH switch THE room device",
        "SWITCH THE room light switch PLEASE",
        "SET TIMER FOR number unit",
        "SET TIMER FOR small HOURS AND number MINUTES",
        "SET THE room HEATER TO number DEGREES",
        "DIM THE room light TO number PERCENT",
        "TURN THE VOLUME direction BY number PERCENT",
        "action THE side opening",
        "action THE room opening PLEASE",
        "PLAY SONG NUMBER number",
        "PLAY THE song SONG IN THE room",
        "WAKE ME AT number number",
        "DIAL small small small small small",
        "CALL ROOM number NOW",
        "LOCK THE room DOOR",
        "MOVE direction TWO STEPS AND THEN STOP",
        "SPELL name",
        "CALL name",
        "MY NAME IS name",
        "THE CODE IS letter letter letter",
        "CODE letter letter small small",
        "TYPE letter letter",
        "SEND letter small TO letter small",
    ],
    "side": ["LEFT", "RIGHT", "FRONT", "BACK"],
    "device": ["LAMP", "LIGHT", "FAN", "RADIO", "HEATER", "SCREEN"],
    "light": ["LIGHT", "LAMP"],
    "switch": ["ON", "OFF"],
    "room": ["KITCHEN", "BEDROOM", "GARDEN", "OFFICE", "HALL", "CELLAR"],
    "opening": ["DOOR", "WINDOW", "GATE"],
    "action": ["OPEN", "CLOSE", "LOCK"],
    "direction": ["UP", "DOWN"],
    "song": ["NEXT", "LAST", "SAME"],
    "unit": ["MINUTES", "SECONDS", "HOURS"],
    "number": ["small", "teen", "tens", "tens small", "tens small"],
    "small": ["ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"],
    "teen": [
        "TEN",
        "ELEVEN",
        "TWELVE",
        "THIRTEEN",
        "FOURTEEN",
        "FIFTEEN",
        "SIXTEEN",
        "SEVENTEEN",
        "EIGHTEEN",
        "NINETEEN",
    ],
    "tens": ["TWENTY", "THIRTY", "FORTY", "FIFTY", "SIXTY", "SEVENTY", "EIGHTY", "NINETY"],
    "letter": list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}

# Each set spells other names, so that the language model has seen no name of the test set.
NAMES: dict[str, str] = {
    "train": """
        ADAM ALICE BELLA BORIS CLARA CRAIG DAVID DORA ELLA EZRA FELIX FIONA GEORGE GRACE HARRY HAZEL
        IRIS IVAN JACK JULIA KEVIN KIM LAURA LUCAS MAGGIE MARTIN NANCY NIGEL OLIVER OPAL PAULA
        PHILIP QUENTIN RACHEL ROBIN SUSAN SIMON TESS TOBY URSULA VERA VICTOR WENDY WALTER XENA
        YVONNE YORK ZOE ZACK BETTY CHLOE DUNCAN EDWARD FRANK GWEN HUGO INGRID JOYCE
    """,
    "babble": """
        BRIAN CAROL FRED HILDA MAX QUEENIE VICKY JOSH
    """,
    "dev": """
        ANNA BRUCE CECIL DEBRA EMIL FAITH GAVIN HELEN JASPER KATE LEWIS MABEL NOEL OSCAR PIPPA RUTH
    """,
    "test": """
        AMBER BASIL CYRIL DAISY ERIC FLORA GILES HENRY IVY JUDITH KEITH LINUS MONICA NORA PERCY
        QUINN ROGER SHEILA TREVOR VIOLET WAYNE YASMIN ZELDA
    """,
}

LEXICON = """
A EY; B B IY; C S IY; D D IY; E IY; F EH F; G JH IY; H EY CH; I AY; J JH EY; K K EY; L EH L; M EH M;
N EH N; O OW; P P IY; Q K Y UW; R AA R; S EH S; T T IY; U Y UW; V V IY; W D AH B AH L Y UW;
X EH K S; Y W AY; Z Z IY; Z Z EH D; ONE W AH N; TWO T UW; THREE TH R IY; FOUR F AO R; FIVE F AY V;
SIX S IH K S; SEVEN S EH V AH N; EIGHT EY T; NINE N AY N; TEN T EH N; ELEVEN IH L EH V AH N;
TWELVE T W EH L V; THIRTEEN TH ER T IY N; FOURTEEN F AO R T IY N; FIFTEEN F IH F T IY N;
SIXTEEN S IH K S T IY N; SEVENTEEN S EH V AH N T IY N; EIGHTEEN EY T IY N; NINETEEN N AY N T IY N;
TWENTY T W EH N T IY; THIRTY TH ER T IY; FORTY F AO R T IY; FIFTY F IH F T IY; SIXTY S IH K S T IY;
SEVENTY S EH V AH N T IY; EIGHTY EY T IY; NINETY N AY N T IY; AND AE N D; AND AH N D; AT AE T;
BACK B AE K; BEDROOM B EH D R UW M; BY B AY; CALL K AO L; CELLAR S EH L ER; CLOSE K L OW Z;
CODE K OW D; DEGREES D IH G R IY Z; DIAL D AY AH L; DIM D IH M; DOOR D AO R; DOWN D AW N;
FAN F AE N; FOR F AO R; FRONT F R AH N T; GARDEN G AA R D AH N; GATE G EY T; HALL HH AO L;
HEATER HH IY T ER; HOURS AW ER Z; IN IH N; IS IH Z; KITCHEN K IH CH AH N; LAMP L AE M P;
LAST L AA S T; LAST L AE S T; LEFT L EH F T; LIGHT L AY T; LOCK L AA K; ME M IY;
MINUTES M IH N IH T S; MOVE M UW V; MY M AY; NAME N EY M; NEXT N EH K S T; NOW N AW;
NUMBER N AH M B ER; OFF AA F; OFFICE AA F IH S; ON AA N; OPEN OW P AH N; PERCENT P ER S EH N T;
PLAY P L EY; PLEASE P L IY Z; RADIO R EY D IY OW; RIGHT R AY T; ROOM R UW M; SAME S EY M;
SCREEN S K R IY N; SECONDS S EH K AH N D Z; SEND S EH N D; SET S EH T; SONG S AA NG; SPELL S P EH L;
STEPS S T EH P S; STOP S T AA P; SWITCH S W IH CH; THE DH AH; THE DH IY; THEN DH EH N;
TIMER T AY M ER; TO T AH; TO T UW; TURN T ER N; TYPE T AY P; UP AH P; VOLUME V AA L Y UW M;
WAKE W EY K; WINDOW W IH N D OW
"""


def lexicon() -> list[tuple[str, list[str]]]:
    """(word, ARPAbet phones without stress), sorted; a word occurs once per pronunciation."""
    entries = [entry.split() for entry in LEXICON.split(";")]
    return sorted((word, phones) for word, *phones in entries)


def _deck(cards: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    while True:
        for index in rng.permutation(len(cards)):
            yield cards[index]


def sentences(part: str, count: int, seed: Sequence[int]) -> list[list[str]]:
    """`count` commands as words; `part` (train, dev, test, babble) selects the names to spell."""
    rng = np.random.default_rng(seed)
    rules = GRAMMAR | {"name": [" ".join(name) for name in NAMES[part].split()]}
    decks = {rule: _deck(cards, rng) for rule, cards in rules.items()}

    def expand(symbol: str) -> list[str]:
        if symbol not in decks:
            return [symbol]
        return [word for item in next(decks[symbol]).split() for word in expand(item)]

    return [expand("command") for _ in range(count)]
