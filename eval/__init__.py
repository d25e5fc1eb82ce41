"""Systems → evidence: judged collections, runs, measures, tests of the differences, and a report a person can check."""
