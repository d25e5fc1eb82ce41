"""Families of a word, standing in for NLM's table of variants, which is not public.

PubMed's families are mined from text (inflections, derivations, possessives, spellings) and hold odd members. Ours are
made by rule: number, possessive, the forms of verbs and of -ation nouns, -ic and -al adjectives, and the spellings of
British and American English. They are larger here and smaller there than PubMed's; documented in
docs/pubmed-queries.md. Forms that no text holds do no harm in an OR.
"""

from __future__ import annotations

import functools
import re

_VOWELS = "aeiou"
_SHORTEST = 4
_LIMIT = 24

# -- British and American spelling -----------------------------------------------------------------

_STEMS = (  # British and American, wherever in a word
    "anaemi:anemi anaesth:anesth aetiolog:etiolog caecal:cecal caecum:cecum caesarean:cesarean coeliac:celiac "
    "diarrhoea:diarrhea dyspnoea:dyspnea apnoea:apnea faecal:fecal faeces:feces foetal:fetal foetus:fetus "
    "gonorrhoea:gonorrhea gynaecolog:gynecolog haemorrh:hemorrh haemat:hemat haemoglob:hemoglob haemol:hemol "
    "haemop:hemop haemod:hemod haemos:hemos leukaemi:leukemi uraemi:uremi ischaemi:ischemi lipidaemi:lipidemi "
    "glycaemi:glycemi natraemi:natremi kalaemi:kalemi calcaemi:calcemi bacteraemi:bacteremi viraemi:viremi "
    "septicaemi:septicemi volaemi:volemi oedema:edema oesophag:esophag oestrogen:estrogen oestradiol:estradiol "
    "oestrus:estrus paediatr:pediatr orthopaed:orthoped toxaemi:toxemi acidaemi:acidemi thalassaemi:thalassemi "
    "manoeuv:maneuv homoeopath:homeopath amoeba:ameba amoebi:amebi amenorrhoea:amenorrhea menorrhoea:menorrhea "
    "rhinorrhoea:rhinorrhea polycythaemi:polycythemi palaeo:paleo sulphur:sulfur sulphat:sulfat sulphid:sulfid "
    "sulphon:sulfon tumour:tumor"
)
_WORDS = (  # whole words, with endings of their own
    "colour:color behaviour:behavior labour:labor favour:favor humour:humor flavour:flavor neighbour:neighbor "
    "odour:odor vapour:vapor harbour:harbor honour:honor mould:mold grey:gray ageing:aging programme:program "
    "analogue:analog catalogue:catalog dialogue:dialog centre:center fibre:fiber litre:liter metre:meter "
    "millilitre:milliliter millimetre:millimeter centimetre:centimeter kilometre:kilometer titre:titer goitre:goiter "
    "theatre:theater calibre:caliber licence:license defence:defense judgement:judgment artefact:artifact "
    "aluminium:aluminum"
)
_STEM_PAIRS = [(pair.partition(":")[0], pair.partition(":")[2]) for pair in _STEMS.split()]
_WORD_PAIRS = [(pair.partition(":")[0], pair.partition(":")[2]) for pair in _WORDS.split()]
_TO_AMERICAN = dict([*_STEM_PAIRS, *_WORD_PAIRS])
_TO_BRITISH = {american: british for british, american in [*_STEM_PAIRS, *_WORD_PAIRS]}


def _pattern(stems: list[str], words: list[str]) -> re.Pattern[str]:
    longest = sorted(stems, key=len, reverse=True)
    return re.compile(f"(?P<stem>{'|'.join(longest)})|^(?P<word>{'|'.join(words)})(?P<end>s|al|ally|ism)?$")


_BRITISH = _pattern([pair[0] for pair in _STEM_PAIRS], [pair[0] for pair in _WORD_PAIRS])
_AMERICAN = _pattern([pair[1] for pair in _STEM_PAIRS], [pair[1] for pair in _WORD_PAIRS])
_ISE = re.compile(r"(?<=[a-z]{3})is(e|ed|es|er|ers|ing|ation|ations|ational)$")
_IZE = re.compile(r"(?<=[a-z]{3})iz(e|ed|es|er|ers|ing|ation|ations|ational)$")
_NOT_ISE = re.compile(
    r"(?:exerc|adv|rev|superv|prom|prec|surpr|comprom|prem|disgu|dev|rhe|conc|exc|inc|circumc|telev|pra|brui|cru|"
    r"ra|ar|no|po|w|dise|expert|franch|merchand|treat|paradis|tortois|enterpr)is"
)
_YSE = re.compile(r"(anal|paral|catal|dial|rol|tol)ys(ed|er|ers|ing|e)$")
_YZE = re.compile(r"(anal|paral|catal|dial|rol|tol)yz(ed|er|ers|ing|e)$")
_DOUBLED = re.compile(r"(?<=[aeou])ll(ed|ing|er|ers|ings)$")
_SINGLE = re.compile(r"(?<=[a-z]{2}[aeou])l(ed|ing|er|ers|ings)$")
_DOUBLING = re.compile(r"(?:mode|labe|trave|cance|signa|fue|tota|leve|counse|channe|equa|tunne|quarre|unrave)l")


def american(text: str) -> str:
    """The words of ``text``, lower case, in American spelling, which is MeSH's: ``randomised`` is ``randomized``."""
    return re.sub(r"[^\W\d_]+", lambda word: _american_word(word[0]), text.lower())


def british(text: str) -> str:
    """The words of ``text``, lower case, in British spelling where that differs."""
    return re.sub(r"[^\W\d_]+", lambda word: _british_word(word[0]), text.lower())


def _american_word(word: str) -> str:
    word = _BRITISH.sub(lambda found: _other(found, _TO_AMERICAN), word)
    if not _NOT_ISE.search(word):
        word = _ISE.sub(r"iz\1", word)
    word = _YSE.sub(r"\1yz\2", word)
    return _DOUBLED.sub(r"l\1", word) if _DOUBLING.search(word) else word


def _british_word(word: str) -> str:
    if not _BRITISH.search(word):
        word = _AMERICAN.sub(lambda found: _other(found, _TO_BRITISH), word)
    word = _YZE.sub(r"\1ys\2", _IZE.sub(r"is\1", word))
    return _SINGLE.sub(r"ll\1", word) if _DOUBLING.search(word) else word


def _other(found: re.Match[str], table: dict[str, str]) -> str:
    if found["stem"]:
        return table[found["stem"]]
    return table[found["word"]] + (found["end"] or "")


# -- number ----------------------------------------------------------------------------------------

_IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "man": "men",
    "woman": "women",
    "mouse": "mice",
    "goose": "geese",
    "person": "people",
    "ox": "oxen",
    "datum": "data",
    "life": "lives",
    "knife": "knives",
    "leaf": "leaves",
    "criterion": "criteria",
    "phenomenon": "phenomena",
    "vertebra": "vertebrae",
    "larva": "larvae",
    "bacterium": "bacteria",
    "medium": "media",
    "ovum": "ova",
    "nucleus": "nuclei",
    "fungus": "fungi",
    "stimulus": "stimuli",
    "bronchus": "bronchi",
    "thrombus": "thrombi",
    "embolus": "emboli",
    "index": "indices",
    "appendix": "appendices",
    "matrix": "matrices",
    "cortex": "cortices",
    "half": "halves",
    "calf": "calves",
}
_SINGULARS = {plural: singular for singular, plural in _IRREGULAR.items()}
_UNCHANGED = frozenset("series species sepsis rabies scabies herpes diabetes pus lens news physics".split())


@functools.lru_cache(4096)
def plural(word: str) -> str | None:
    """The plural of a singular noun; ``None`` for what has none or is one already."""
    if len(word) < 3 or word in _SINGULARS or word in _UNCHANGED or not word.isalpha():
        return None
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("is"):
        return f"{word[:-2]}es"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es" if not word.endswith("s") or word.endswith(("us", "ss", "as")) else None
    if word.endswith("y") and word[-2] not in _VOWELS:
        return f"{word[:-1]}ies"
    return f"{word}s"


@functools.lru_cache(4096)
def singular(word: str) -> str | None:
    """The singular of a plural noun; ``None`` for what does not look like one."""
    if word in _SINGULARS:
        return _SINGULARS[word]
    if len(word) < _SHORTEST or word in _UNCHANGED or not word.endswith("s") or not word.isalpha():
        return None
    if word.endswith(("ss", "us", "is")):
        return None
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("oses", "iases", "yses", "eses")):
        return f"{word[:-2]}is"
    if word.endswith(("xes", "ches", "shes", "sses", "zes", "uses")):
        return word[:-2]
    return word[:-1]


def number_variants(text: str) -> tuple[str, ...]:
    """``text`` with its last word in the other number."""
    head, _, last = text.rpartition(" ")
    forms = dict.fromkeys(form for form in (plural(last), singular(last)) if form and form != last)
    return tuple(f"{head} {form}" if head else form for form in forms)


# -- families --------------------------------------------------------------------------------------

_NO_NOUN = ("ated", "ised", "ized", "ly", "ic", "ical", "ous")
_VERB_ENDINGS = ("", "s", "ed", "ing", "ings")


@functools.lru_cache(4096)
def variants(word: str) -> tuple[str, ...]:
    """The family of ``word``, itself included, lower case and sorted; just the word where it has none."""
    word = word.lower()
    if len(word) < _SHORTEST or not word.isalpha() or not word.isascii():
        return (word,)
    base = singular(word) or word
    forms = {word, base}
    if not word.endswith(_NO_NOUN):
        forms.add(plural(base) or base)
        if not base.endswith("s"):
            forms.add(f"{base}'s")
    for endings in (_verb, _ation, _adjective, _adverb):
        forms |= endings(word)
    for form in tuple(forms):
        forms |= {american(form), british(form)}
    kept = sorted(forms)
    return tuple(kept) if len(kept) <= _LIMIT else tuple(sorted({word, base, plural(base) or base}))


def _verb(word: str) -> set[str]:
    """Of ``-ing`` and ``-ed`` the stem and its forms: ``warming``, ``warmed``, ``warms``."""
    for ending in ("ings", "ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and any(letter in _VOWELS for letter in stem):
            if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] in "bdgmnprt":
                return {f"{stem}ed", f"{stem}ing", stem[:-1], f"{stem[:-1]}s"}
            if stem.endswith(("at", "iz", "is", "ut", "uc", "id", "v", "s", "c", "g", "u")) and not stem.endswith("ss"):
                return {f"{stem}e", f"{stem}es", f"{stem}ed", f"{stem}ing"}
            return {stem + end for end in _VERB_ENDINGS}
    return set()


def _ation(word: str) -> set[str]:
    """``precipitation``, ``precipitate``, ``precipitating`` … and ``-ization``, ``-ize`` …"""
    found = re.fullmatch(r"(.{2,}(?:[^aeiou]))(?:ations?|ated|ating|atives?|ators?)", word)
    if found is None:
        return set()
    stem = found[1]
    if stem.endswith(("iz", "is")):
        return {f"{stem}{end}" for end in ("ation", "ations", "e", "es", "ed", "ing")}
    return {f"{stem}{end}" for end in ("ation", "ations", "ate", "ates", "ated", "ating", "ative", "ator", "ators")}


def _adjective(word: str) -> set[str]:
    """``-ic``, ``-ical``, ``-ics``; ``-al``, ``-ally``."""
    if word.endswith("ics"):
        return {word[:-1], f"{word[:-1]}al", f"{word[:-1]}ally"}
    if word.endswith("ic"):
        return {f"{word}s", f"{word}al", f"{word}ally"}
    if word.endswith("ical"):
        return {word[:-2], f"{word}ly", f"{word[:-2]}s"}
    if word.endswith(("onal", "ural", "atial", "ental", "ous", "tive")):
        return {f"{word}ly"}
    return set()


def _adverb(word: str) -> set[str]:
    if word.endswith("ically"):
        return {word[:-4], word[:-2]}
    if word.endswith(("ally", "ously", "ively")):
        return {word[:-2]}
    return set()
