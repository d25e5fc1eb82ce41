"""Does the bootstrap interval hold what it says, and from how many topics on? Simulated differences of three kinds.

    .venv/bin/python benchmarks/intervals.py

Prints, by kind and number of topics: how often the interval holds the true mean, how often the randomisation test
gives p below 0.05 where the true mean is 0, and how wide the interval is beside Student's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy import stats

from pubmed_rag.eval.statistics import ALPHA, Values, bootstrap_interval, randomisation_p

Draw = Callable[[np.random.Generator, int], Values]


def ties(generator: np.random.Generator, topics: int) -> Values:
    """Half the topics equal, the rest normal around 0: two systems that differ by chance."""
    return np.where(generator.random(topics) < 0.5, 0.0, generator.normal(0.0, 0.3, topics))


def tails(generator: np.random.Generator, topics: int) -> Values:
    """Long-tailed around 0.05, three in ten at exactly 0.05."""
    return 0.05 + np.where(generator.random(topics) < 0.3, 0.0, generator.standard_t(5, topics) * 0.2)


def hits(generator: np.random.Generator, topics: int) -> Values:
    """nDCG of one relevant document: 1, 0.63 or 0.5 in four of five topics, else 0."""
    return np.where(generator.random(topics) < 0.8, generator.choice([1.0, 0.63, 0.5], topics), 0.0)


KINDS: tuple[tuple[str, Draw, float], ...] = (
    ("half of the topics tied, no difference", ties, 0.0),
    ("long tails, difference 0.05", tails, 0.05),
    ("values of one relevant document", hits, 0.8 * (1.0 + 0.63 + 0.5) / 3),
)
"""Name, how to draw, true mean."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=999)
    options = parser.parse_args()
    print("| differences | topics | covers | p < 0.05 | width, median | width, 90th | widest |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, draw, true in KINDS:
        for topics in (7, 10, 12, 15, 25, 50, 200):
            print(row(name, draw, true, topics, options.simulations, options.resamples), flush=True)


def row(name: str, draw: Draw, true: float, topics: int, simulations: int, resamples: int) -> str:
    generator = np.random.default_rng(topics)
    covered, small, widths = 0, 0, []
    for seed in range(simulations):
        values = draw(generator, topics)
        interval = bootstrap_interval(values, seed=seed, resamples=resamples, fewest=2)
        if interval is None:
            continue
        covered += interval.low <= true <= interval.high
        if true == 0.0:
            small += randomisation_p(values, seed=seed, resamples=resamples) < ALPHA
        student = stats.t.ppf(0.975, topics - 1) * values.std(ddof=1) / np.sqrt(topics)
        if student > 0:
            widths.append((interval.high - interval.low) / 2 / student)
    rate = f"{small / simulations:.1%}" if true == 0.0 else ""
    median, most, widest = np.median(widths), np.quantile(widths, 0.9), max(widths)
    return f"| {name} | {topics} | {covered / simulations:.1%} | {rate} | {median:.2f} | {most:.2f} | {widest:,.1f} |"


if __name__ == "__main__":
    main()
