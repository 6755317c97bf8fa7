#!/usr/bin/env python3
"""Holds services/learning/model/fsrs.c to py-fsrs: the same random histories through both, compared after every review.
memory_model.py PROGRAM [HISTORIES]; PROGRAM: memory_model.c, built; 100,000 histories take half a minute of CPU."""
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

VERSION = "6.3.2"
LIMIT = 1e-4  # of difficulty and recall; of stability relative where it is over a day
CAP = 1e12  # what fsrs.c bounds stability to, and py-fsrs does not

venv = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / f"learning-platform/fsrs-{VERSION}"
if Path(sys.prefix) != venv:
    python = venv / "bin/python3"
    if not (venv / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"fsrs=={VERSION}"], check=True)
        (venv / "ready").touch()
    os.execv(python, [str(python), *sys.argv])

from fsrs import Card, Rating, Scheduler  # noqa: E402
from fsrs.scheduler import DEFAULT_PARAMETERS, LOWER_BOUNDS_PARAMETERS, UPPER_BOUNDS_PARAMETERS  # noqa: E402

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)


def parameters(rng):
    """Those of everybody, near them, or anywhere within the bounds."""
    kind = rng.random()
    if kind < 0.3:
        return DEFAULT_PARAMETERS
    bounds = list(zip(DEFAULT_PARAMETERS, LOWER_BOUNDS_PARAMETERS, UPPER_BOUNDS_PARAMETERS))
    if kind < 0.7:
        return tuple(min(max(w * rng.uniform(0.5, 1.5), low), high) for w, low, high in bounds)
    return tuple(rng.uniform(low, high) for _, low, high in bounds)


def history(rng):
    """Ratings and times: seconds apart, days, years; now and then the clock of a client goes back."""
    at, reviews = START, []
    for _ in range(rng.randint(1, 12)):
        reviews.append((Rating(rng.choices((1, 2, 3, 4), (2, 1, 5, 2))[0]), at))
        days = rng.choice((0.001, 0.3, 1, 3, 20, 150, 900))
        at += rng.uniform(-0.02, 2) * days * timedelta(days=1) // MS * MS
    return reviews, at


def ms(at):
    return (at - EPOCH) // MS


def expected(scheduler, reviews, look):
    card = Card(card_id=1)
    for rating, at in reviews:
        card, _ = scheduler.review_card(card, rating, at)
        yield card.difficulty, card.stability, scheduler.get_card_retrievability(card, look), ms(card.due), card.state.value


def main():
    program, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rng, lines, wanted, capped = random.Random(6), [], [], 0
    for i in range(n):
        if i % 10 == 0:  # ten histories by each set of parameters
            w, retention = parameters(rng), round(rng.uniform(0.7, 0.97), 2)
            scheduler = Scheduler(w, desired_retention=retention, enable_fuzzing=False)
            head = " ".join(map(repr, w)) + f" {retention}"
        reviews, look = history(rng)
        lines.append(f"{head} {ms(look)} " + " ".join(f"{r.value} {ms(at)}" for r, at in reviews))
        wanted.extend(expected(scheduler, reviews, look))
    run = subprocess.run([program], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True)
    got = run.stdout.splitlines()
    assert len(got) == len(wanted), f"{len(got)} states, wanted {len(wanted)}"
    worst = {"difficulty": 0.0, "stability": 0.0, "recall": 0.0}
    other = 0
    for line, (difficulty, stability, recall, due, stage) in zip(got, wanted):
        d, s, r, u, g = line.split()
        if stability > CAP:
            capped += 1
            assert float(s) == CAP, line
            continue
        worst["difficulty"] = max(worst["difficulty"], abs(float(d) - difficulty))
        worst["stability"] = max(worst["stability"], abs(float(s) - stability) / max(stability, 1))
        worst["recall"] = max(worst["recall"], abs(float(r) - recall))
        other += int(u) != due or int(g) != stage
    print(f"{n} histories, {len(wanted)} reviews, {capped} over the bound of stability; largest difference:",
          ", ".join(f"{name} {value:.3g}" for name, value in worst.items()) + f"; {other} with another due time or stage")
    return int(max(worst.values()) > LIMIT or other > 0)


sys.exit(main())
