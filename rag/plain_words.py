"""What the terms of statistics and study design mean, in words for people outside the field.

Written for this program, in English and Portuguese. Each entry: how the term looks in an abstract, its name, and what
it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlainTerm:
    """A term with its name and meaning by language."""

    pattern: re.Pattern[str]
    name: dict[str, str]
    meaning: dict[str, str]


def _term(pattern: str, en: tuple[str, str], pt: tuple[str, str], flags: int = re.IGNORECASE) -> PlainTerm:
    return PlainTerm(re.compile(pattern, flags), {"en": en[0], "pt": pt[0]}, {"en": en[1], "pt": pt[1]})


PLAIN_TERMS: Sequence[PlainTerm] = (
    _term(
        r"\b2?P ?[<=>≤≥] ?\.?\d|\bp[- ]values?\b",
        ("p value", "how often chance alone would give a difference this large or larger if there were none. Below "
         "0.05 is usually called significant; it does not say how large or important the difference is"),
        ("valor p", "com que frequência só o acaso daria uma diferença deste tamanho ou maior, se não houvesse "
         "nenhuma. Abaixo de 0,05 costuma chamar-se significativo; não diz se a diferença é grande ou importante"),
    ),
    _term(
        r"\b(?:non|in)[- ]?significant\w*|\bnot\b[^.;]{0,25}\bsignificant\w*|\bno significant\b",
        ("not significant", "the difference is small enough to be chance, or the study was too small to tell. It does "
         "not prove that there is none"),
        ("não significativo", "a diferença é pequena o bastante para ser acaso, ou o estudo era pequeno demais para "
         "dizer. Não prova que não haja nenhuma"),
    ),
    _term(
        r"\bCI\b|\bconfidence intervals?\b",
        ("confidence interval (CI)", "the range in which the true value plausibly lies; a wide one means that "
         "little is known"),
        ("intervalo de confiança (CI, IC)", "a faixa em que o valor verdadeiro plausivelmente está; larga significa "
         "que se sabe pouco"),
        0,
    ),
    _term(
        r"\bodds ratios?\b|\b[aA]?OR\b[ ,=:]*\d",
        ("odds ratio (OR)", "how the odds of something in one group compare with another: 1 is no difference, 2 is "
         "twice the odds, 0.5 half"),
        ("razão de chances (OR)", "como a chance de algo num grupo se compara à de outro: 1 é igual, 2 é o dobro da "
         "chance, 0,5 é metade"),
        0,
    ),
    _term(
        r"\bhazard ratios?\b|\b[aA]?HR\b[ ,=:]*\d",
        ("hazard ratio (HR)", "how fast something happens in one group compared with another over time: 1 is no "
         "difference, 0.5 is at half the pace"),
        ("razão de riscos no tempo (HR)", "com que rapidez algo acontece num grupo em relação a outro: 1 é igual, 0,5 "
         "é na metade do ritmo"),
        0,
    ),
    _term(
        r"\b(?:relative risks?|risk ratios?)\b|\bRR\b[ ,=:]*\d",
        ("relative risk (RR)", "the risk in one group divided by that in another. Halving a tiny risk is still a tiny "
         "change, so the risk itself matters too"),
        ("risco relativo (RR)", "o risco num grupo dividido pelo de outro. Metade de um risco minúsculo ainda é uma "
         "mudança minúscula: o risco em si também importa"),
        0,
    ),
    _term(
        r"\bnumbers? needed to treat\b|\bNNT\b",
        ("number needed to treat", "how many people must be treated for one of them to benefit"),
        ("número necessário para tratar", "quantas pessoas precisam ser tratadas para que uma delas se beneficie"),
    ),
    _term(
        r"\bmeta-?analy\w+|\bpooled (?:data|analysis|odds|risk|estimates?|results?)\b",
        ("meta-analysis", "the figures of several studies put together, as reliable as the studies it takes in"),
        ("meta-análise", "os números de vários estudos reunidos; vale tanto quanto os estudos que reúne"),
    ),
    _term(
        r"\bsystematic(?:ally)? review\w*",
        ("systematic review", "a search for all studies on a question by a plan made beforehand"),
        ("revisão sistemática", "a procura de todos os estudos sobre uma pergunta, por um plano feito antes"),
    ),
    _term(
        r"\brandomi[sz]\w*|\brandomly (?:assigned|allocated)\b",
        ("randomized", "chance decided who got which treatment, so that the groups are alike in all else"),
        ("randomizado", "a sorte decidiu quem recebeu qual tratamento, para os grupos serem iguais em tudo o mais"),
    ),
    _term(
        r"\bplacebos?\b",
        ("placebo", "a treatment that looks like the real one and has no active substance"),
        ("placebo", "um tratamento que parece o verdadeiro e não tem substância ativa"),
    ),
    _term(
        r"\b(?:double|single|triple)[- ]blind\w*",
        ("blind", "patients, doctors or both did not know who got which treatment, so that hopes could not "
         "sway results"),
        ("cego", "pacientes, médicos ou ambos não sabiam quem recebeu qual tratamento, para esperanças não mudarem o "
         "resultado"),
    ),
    _term(
        r"\bcohorts?\b",
        ("cohort", "a group of people followed over time. It shows what goes together, less surely what causes what"),
        ("coorte", "um grupo de pessoas acompanhado no tempo. Mostra o que anda junto, com menos certeza o que "
         "causa o quê"),
    ),
    _term(
        r"\bcase[- ]control\b",
        ("case-control study", "people with an illness are compared with others like them without it, looking back"),
        ("estudo de casos e controles", "pessoas com uma doença são comparadas, olhando para trás, a outras parecidas "
         "sem ela"),
    ),
    _term(
        r"\bcross[- ]sectional\b",
        ("cross-sectional study", "a picture at one moment; it cannot tell what came first"),
        ("estudo transversal", "um retrato de um momento; não diz o que veio antes"),
    ),
    _term(
        r"\bretrospective\w*",
        ("retrospective", "made from records of the past, which may be incomplete"),
        ("retrospectivo", "feito de registros do passado, que podem estar incompletos"),
    ),
    _term(
        r"\bsensitivit(?:y|ies)\b(?=[^.]{0,80}(?:%|specific|\d))",
        ("sensitivity", "of the people who have something, the part that a test finds"),
        ("sensibilidade", "das pessoas que têm algo, a parte que um teste encontra"),
    ),
    _term(
        r"\bspecificit(?:y|ies)\b(?=[^.]{0,80}(?:%|sensitiv|\d))",
        ("specificity", "of the people who do not have something, the part that a test rightly clears"),
        ("especificidade", "das pessoas que não têm algo, a parte que um teste corretamente descarta"),
    ),
    _term(
        r"\bmedian\b",
        ("median", "the middle value: half are below it and half above"),
        ("mediana", "o valor do meio: metade fica abaixo e metade acima"),
    ),
    _term(
        r"\+/-|±|\bSD\b|\bstandard deviations?\b",
        ("± or standard deviation (SD)", "how widely single values lie around the average"),
        ("± ou desvio padrão (SD, DP)", "quanto os valores se espalham em torno da média"),
        0,
    ),
    _term(
        r"\bincidence\b",
        ("incidence", "how many people newly get something in a given time"),
        ("incidência", "quantas pessoas passam a ter algo num certo tempo"),
    ),
    _term(
        r"\bprevalence\b",
        ("prevalence", "how many people have something at a given time"),
        ("prevalência", "quantas pessoas têm algo num certo momento"),
    ),
    _term(
        r"\bcorrelat\w+|\br ?= ?-?0?\.\d",
        ("correlation", "two things rise or fall together, which does not show that one causes the other"),
        ("correlação", "duas coisas sobem ou descem juntas, o que não mostra que uma cause a outra"),
    ),
    _term(
        r"\bassociated with\b|\bassociations?\b",
        ("associated", "found together more often than chance would have it, which does not show a cause"),
        ("associado", "encontrado junto mais vezes do que o acaso daria, o que não mostra causa"),
    ),
    _term(
        r"\bmorbidity\b",
        ("morbidity", "illness, or harm to health"),
        ("morbidade", "doença, ou dano à saúde"),
    ),
    _term(
        r"\bmortality\b",
        ("mortality", "deaths, as a part of all the people looked at"),
        ("mortalidade", "mortes, como parte de todas as pessoas observadas"),
    ),
    _term(
        r"\bprognos(?:is|es|tic)\b",
        ("prognosis", "how an illness is likely to go on"),
        ("prognóstico", "como uma doença provavelmente vai seguir"),
    ),
    _term(
        r"\badverse (?:events?|effects?|reactions?)\b",
        ("adverse event", "something harmful that happens during a treatment, whether or not the treatment causes it"),
        ("evento adverso", "algo prejudicial que acontece durante um tratamento, causado por ele ou não"),
    ),
    _term(
        r"\bin vitro\b",
        ("in vitro", "in the laboratory, outside any living body"),
        ("in vitro", "no laboratório, fora de um corpo vivo"),
    ),
)  # fmt: skip


def plain_terms(text: str) -> list[PlainTerm]:
    """The terms that ``text`` uses, in the order of their first use."""
    found = [(match.start(), number) for number, term in enumerate(PLAIN_TERMS) if (match := term.pattern.search(text))]
    return [PLAIN_TERMS[number] for _, number in sorted(found)]
