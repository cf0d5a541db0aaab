#!/usr/bin/env python3
"""Writes tests/golden/stats.tsv: intervals and tests as scipy and statsmodels compute them.

Needs python3-scipy and python3-statsmodels; only to be run when the golden changes.
"""
import pathlib
import sys

import numpy
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

out = [f"# scripts/make_golden_stats.py: scipy {scipy.__version__}, "
       f"statsmodels {statsmodels.__version__}, numpy {numpy.__version__}",
       "# wilson ok n lo hi | mcnemar lost won p | holm p... = adjusted... |",
       "# bootstrap n_images lo hi, x_i = (7 i^2 mod 101) / 101 over y_i = 1 + i mod 3"]
for ok, n in [(0, 1), (1, 1), (0, 500), (500, 500), (8, 10), (4050, 5000), (9999, 10000),
              (1, 50000), (25000, 50000)]:
    low, high = proportion_confint(ok, n, method="wilson")
    out.append(f"wilson {ok} {n} {low:.15g} {high:.15g}")
for lost, won in [(0, 0), (1, 0), (0, 1), (5, 0), (6, 0), (0, 6), (3, 3), (4, 3), (10, 3),
                  (40, 20), (200, 150), (1000, 1100), (5000, 4800), (30, 900)]:
    p = stats.binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1.0
    out.append(f"mcnemar {lost} {won} {p:.15g}")
for p in [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], [1e-9, 0.05, 0.049, 0.8, 0.01]]:
    adjusted = multipletests(p, method="holm")[1]
    out.append("holm " + " ".join(map(repr, p)) + " = " + " ".join(f"{a:.15g}" for a in adjusted))
for n in [50, 500, 3000]:
    i = numpy.arange(n)
    x, y = (7 * i * i % 101) / 101, 1.0 + i % 3
    result = stats.bootstrap((x, y), lambda a, b: a.sum() / b.sum(), paired=True,
                             vectorized=False, n_resamples=20000, method="percentile",
                             random_state=numpy.random.default_rng(1))
    low, high = result.confidence_interval
    out.append(f"bootstrap {n} {low:.9g} {high:.9g}")
path = pathlib.Path(sys.argv[0]).resolve().parent.parent / "tests/golden/stats.tsv"
path.write_text("\n".join(out) + "\n")
