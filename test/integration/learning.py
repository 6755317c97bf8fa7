#!/usr/bin/env python3
"""Reviews of lp-learning beside a PostgreSQL: what they leave, who may tell of them, a learner's data, and that nothing that was acknowledged is lost when
the process is killed.

learning.py WORKDIR; LP_BIN, LP_POSTGRES_DIR: lib/learning_service.py.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from learning_service import (SECRET, TEACHER, at, call, expect, in_turn_behind_a_lock, numbers, recommend,  # noqa: E402
                              recomputed_states_are_the_stored_ones, run, token)
from plane import free_port  # noqa: E402


def a_repeated_review_is_logged_once(s):
    first = expect(s.review("rep", "word-table", id="one"), 201)
    again = expect(s.review("rep", "word-table", "again", id="one"), 200)
    assert again["repeated"] and again["state"]["stability"] == first["state"]["stability"]
    other = expect(s.review("rep", "word-chair", id="one"), 200)
    assert other["itemId"] == "word-table" and other["state"]["stability"] == first["state"]["stability"], other
    body = {"userId": "rep", "itemId": "word-table", "rating": "good"}
    for status in (201, 200):
        expect(s.ask("POST", "/api/reasoning/reviews", body, token("rep"), Idempotency_Key='"two"'), status)
    assert s.sql("SELECT count(*) FROM reviews WHERE learner = 'rep'") == "2"
    expect(s.review("rep", "no-such-item"), 404)
    assert "rating" in expect(s.review("rep", "word-table", "great"), 400)["message"]
    assert "2000" in expect(s.review("rep", "word-table", at="2999-01-01T00:00:00Z"), 400)["message"]


def late_reviews_take_their_place_in_time(s):
    days, ratings = [30, 25, 14, 2], ["good", "again", "good", "easy"]
    predicted = lambda: sum(s.metric(f'lp_learning_predicted_reviews_total{{predicted="0.{i}"}}') for i in range(10))  # noqa: E731
    for user, order, told in (("late", [0, 2, 3, 1], 2), ("intime", [0, 1, 2, 3], 3)):
        before = predicted()
        for i in order:
            last = expect(s.review(user, "word-city", ratings[i], at=at(days[i]), id=str(i)), 201)
        assert predicted() - before == told, "one that comes late was not predicted"
    states = s.sql("SELECT count(DISTINCT (round(stability::numeric, 3), round(difficulty::numeric, 6))), min(reviews) FROM states"
                   " WHERE item_id = 'word-city'")
    assert states == "1|4", states
    assert last["state"]["reviews"] == 4 and last["state"]["model"] == "fsrs-6/1"


def reviews_at_the_same_moment_all_count(s):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: s.review("many", ["word-sun", "word-cat"][i % 2], id=str(i), durationMs=1000)[0], range(24)))
    logged = answers.count(201)
    assert logged == 24, answers
    assert s.sql("SELECT reviews, day_ms FROM learners WHERE learner = 'many'") == f"{logged}|{logged * 1000}"
    assert s.sql("SELECT sum(reviews) FROM states WHERE learner = 'many'") == str(logged)


def ten_thousand_reviews_a_minute_of_one_learner_hold_up_nobody(s):
    def flood(i):
        return s.review("flood", "word-dog", id=str(i))[0]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = pool.map(flood, range(300))
        for i in range(20):
            expect(s.review("calm", "word-dog", id=str(i)), 201)
        answers = list(answers)
    most = 121 + 2 * (time.monotonic() - began)  # a minute's at once, then as many as in a minute
    assert set(answers) <= {201, 429} and 120 <= answers.count(201) <= most, (answers.count(201), most)
    assert int(s.sql("SELECT count(*) FROM reviews WHERE learner = 'flood'")) == answers.count(201)


def predicted_recall_is_counted_beside_what_was_recalled(s):
    for user, rating in (("cal-1", "good"), ("cal-2", "again")):
        expect(s.review(user, "word-tree", at=at(10), id="a"), 201)
        before = s.metric('lp_learning_predicted_reviews_total{predicted="0.7"}'), s.metric('lp_learning_recalled_reviews_total{predicted="0.7"}')
        expect(s.review(user, "word-tree", rating, id="b"), 201)
        after = s.metric('lp_learning_predicted_reviews_total{predicted="0.7"}'), s.metric('lp_learning_recalled_reviews_total{predicted="0.7"}')
        assert (after[0] - before[0], after[1] - before[1]) == (1, rating == "good"), (before, after)
    assert s.metric('lp_learning_reviews_total{rating="again"}') >= 1


def a_learners_data_are_exported_and_erased(s):
    expect(s.review("gone", "word-cat", id="1"), 201)
    data = expect(s.ask("GET", "/api/reasoning/data/gone", bearer=token("gone")), 200)
    assert len(data["reviews"]) == 1 and data["states"][0]["itemId"] == "word-cat" and data["offers"] == []
    assert (data["model"]["bandit"], data["model"]["forgetting"], data["model"]["lastItemId"]) == (None, None, "word-cat"), data["model"]
    new = [i["id"] for i in expect(recommend(s, "gone", n=4), 200)["items"] if i["kind"] == "new"]
    expect(s.review("gone", new[0], "good", at=at(9), durationMs=60000), 201)  # an answer to what was offered
    expect(s.review("gone", new[0], "again", at=at(2)), 201)  # on a later day
    data = expect(s.ask("GET", "/api/reasoning/data/gone", bearer=token("gone")), 200)
    learned, stored = data["model"], s.sql("SELECT bandit || ';' || forgetting || ';' || level FROM learners WHERE learner = 'gone'").split(";")
    for part, text, model in (("bandit", stored[0], "lts-1"), ("forgetting", stored[1], "mix-1")):
        assert learned[part]["model"] == model and learned[part]["numbers"] == [float(x) for x in text.split()], (learned[part], text)
    assert learned["level"] == float(stored[2]) and any(learned["forgetting"]["numbers"]), learned
    assert {o["itemId"]: o["reward"] for o in data["offers"]} == {item: 1 if item == new[0] else None for item in new}, data["offers"]
    assert all(0 < o["propensity"] <= 1 and o["policy"] == "bandit" and o["at"].startswith("20") for o in data["offers"])
    assert next(state["recalled"] for state in data["states"] if state["itemId"] == new[0]) == 1
    assert expect(s.ask("DELETE", "/api/reasoning/data/gone", bearer=token("root", "admin")), 200)["deleted"] == 3
    empty = {"userId": "gone", "states": [], "reviews": [], "model": None, "offers": []}
    assert expect(s.ask("GET", "/api/reasoning/data/gone", bearer=token("gone")), 200) == empty
    assert expect(s.ask("DELETE", "/api/reasoning/data/gone", bearer=token("gone")), 200)["deleted"] == 0


def what_a_review_saw_before_an_erasure_or_a_reset_is_not_written_after_it(s):
    whole = ("SELECT coalesce((SELECT reviews FROM learners WHERE learner = 'race'), 0), (SELECT count(*) FROM reviews WHERE learner = 'race'),"
             " (SELECT coalesce(sum(reviews), 0) FROM states WHERE learner = 'race')")
    review = lambda: expect(s.review("race", "word-sun", id="b"), 201)  # noqa: E731
    erase = lambda: expect(s.ask("DELETE", "/api/reasoning/data/race", bearer=token("race")), 200)["deleted"]  # noqa: E731
    reset = lambda: expect(s.ask("DELETE", "/api/reasoning/model/race", bearer=token("race")), 200)  # noqa: E731
    for calls, left in (((erase, review), "1|1|1"), ((review, erase), "0|0|0"), ((reset, review), "3|3|3")):
        for item, days in (("word-sun", 20), ("word-cat", 10)):
            expect(s.review("race", item, at=at(days), id=item), 201)
        assert s.sql("SELECT level > 1 FROM learners WHERE learner = 'race'") == "t"
        answers = in_turn_behind_a_lock(s, "learners WHERE learner = 'race'", *calls)
        assert s.sql(whole) == left, (left, answers)
        if left == "1|1|1":
            assert answers[1]["state"]["reviews"] == 1, answers
        assert calls[0] is not reset or s.sql("SELECT level FROM learners WHERE learner = 'race'") == "1"
        recomputed_states_are_the_stored_ones(s)
        erase()


def nobody_changes_a_review(s):
    run = subprocess.run(["psql", "-qAtX", s.database, "-c", "UPDATE reviews SET rating = 4"], capture_output=True, text=True)
    assert run.returncode != 0 and "reviews are not changed" in run.stderr


def tell(s, key, bearer=None, **event):
    return s.ask("POST", "/api/learning/events", event, bearer or call(), Idempotency_Key=key)


def reviews_of(s, user):
    return s.sql(f"SELECT string_agg(item_id || ' ' || rating, ',' ORDER BY item_id) FROM reviews WHERE learner = '{user}'")


def scores_and_edits_become_reviews_of_what_they_are_about(s):
    expect(s.ask("PUT", "/api/ontology/items/dialogue-inn", {"class": "Dialogue", "level": "A1", "phrase": "At the inn", "tags": ["about:At_the_inn", "about:tense"]},
                 TEACHER), 200)
    told = {"userId": "hear", "activityName": "AI feedback", "at": at(3), "score": 40, "feedback": {"article": 2, "tense": 1, "spelling": 3, "agreement": 0}}
    for n in range(2):  # the second time it is there already
        answer = expect(tell(s, "e1", **told), 200)
        assert answer == ({"reviews": 3, "repeated": 0}, {"reviews": 0, "repeated": 3})[n], answer
    assert reviews_of(s, "hear") == "dialogue-inn 1,grammar-articles 1,grammar-past-simple 1"
    for key, score, rating in (("a", 49.9, 1), ("b", 50, 2), ("c", 70, 3), ("d", 90, 4)):
        expect(tell(s, key, userId="score-" + key, activityName="At the inn", score=score), 200)
        assert reviews_of(s, "score-" + key) == f"dialogue-inn {rating}"
    both = expect(tell(s, "f", userId="both", activityName="At the inn", score=95, feedback={"tense": 1}), 200)
    assert both["reviews"] == 2 and "dialogue-inn 1" in reviews_of(s, "both"), both  # the worst of both
    assert expect(tell(s, "g", userId="none", activityName="x" * 500, score=5, feedback={}), 200) == {"reviews": 0, "repeated": 0}
    assert s.sql("SELECT count(*) FROM states WHERE learner = 'hear' AND reviews = 1") == "3"
    # Nobody answered an exercise: neither the level nor what was offered is learned of.
    assert s.sql("SELECT count(DISTINCT level) FROM learners WHERE learner IN ('hear', 'both', 'score-a', 'score-d')") == "1"
    assert s.sql("SELECT count(last_item) + count(forgetting) FROM learners WHERE learner IN ('hear', 'both', 'score-a', 'score-d')") == "0"
    expect(s.review("hear", "word-sun", id="practised"), 201)  # what was practised last is what they answered, whatever is told after it
    expect(tell(s, "e2", userId="hear", activityName="At the inn", score=95), 200)
    assert s.sql("SELECT last_item FROM learners WHERE learner = 'hear'") == "word-sun"
    ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))  # by the clock of another node
    assert expect(tell(s, "h", userId="ahead", activityName="At the inn", score=95, at=ahead), 200)["reviews"] == 1
    assert s.sql("SELECT at_ms <= extract(epoch FROM now()) * 1000 FROM reviews WHERE learner = 'ahead'") == "t"
    recomputed_states_are_the_stored_ones(s)


def who_may_tell_of_events_and_what_of_them_is_wrong(s):
    event = {"userId": "ann", "activityName": "At the inn", "score": 5}
    for bearer in (token("ann"), TEACHER, call("auth"), call("progress", bytes(32))):
        status, answer = tell(s, "w", bearer, **event)
        assert status in (401, 403), answer
    assert expect(tell(s, "w", token("root", "admin"), **event), 200)["reviews"] == 1
    for key, change, said in (("w", {"score": "5"}, "score: must be a number"), ("w", {"feedback": {"tense": -1}}, "feedback: each count"),
                              ("w", {"feedback": {str(n): 1 for n in range(33)}}, "feedback: must have at most 32"),
                              ("w", {"userId": ""}, "userId"), ("w", {"at": "tomorrow"}, "at: must be an RFC 3339 time"),
                              ("k" * 129, {}, "at most 128 bytes")):
        assert said in expect(tell(s, key, **{**event, **change}), 400)["message"]
    assert "Idempotency-Key" in expect(s.ask("POST", "/api/learning/events", event, call()), 400)["message"]


def an_event_that_is_cut_short_is_made_whole_by_the_next_delivery(s):
    """The process is killed while reviews of events are written; each event is told until it is answered, as lp-progress does."""
    def deliver(n):
        while True:
            status, answer = tell(s, f"kill-{n}", userId=f"cut-{n % 7}", activityName="AI feedback", at=at(1 + n), feedback={"tense": 1, "countability": 1})
            if status == 200:
                return
            assert status in (0, 503), answer
            if status == 0:
                gone.set()
            back.wait(60)
    gone, back = threading.Event(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        told = [pool.submit(deliver, n) for n in range(80)]
        while sum(t.done() for t in told) < 20:
            time.sleep(0.001)
        s.process.kill()
        s.process.wait()
        assert gone.wait(60)
        s.start()
        back.set()
        for t in told:
            t.result()
    # tense: past simple and the inn, countability: two grammar points
    assert s.sql("SELECT count(*), count(DISTINCT (learner, key)) FROM reviews WHERE learner LIKE 'cut-%'") == "320|320"
    recomputed_states_are_the_stored_ones(s)


def the_gateway_leads_to_it_with_and_without_its_prefix(s):
    port, metrics, own = free_port(), free_port(), f"http://127.0.0.1:{s.port}"
    gateway = subprocess.Popen(
        [pathlib.Path(os.environ["LP_BIN"]).resolve() / "lp-gateway"], stderr=s.log,
        env={**os.environ, "PORT": str(port), "METRICS_PORT": str(metrics), "AUTH_SERVICE_URL": own, "AI_SERVICE_URL": own, "PROGRESS_SERVICE_URL": own,
             "EXTRA_SERVICES": f"learning:/learning={own}", "ROUTE_PATHS": "learning:/api/reasoning,learning:/api/ontology",
             "AUTH_JWT_SECRET": SECRET, "DRAIN_DELAY": "0s"})
    try:
        end = time.monotonic() + 30
        while s.send("GET", "/readyz", port=metrics)[0] != 200:
            assert time.monotonic() < end and gateway.poll() is None, "lp-gateway is not ready"
            time.sleep(0.05)
        for prefix in ("", "/learning"):
            ask = lambda method, path, body=None, bearer=token("gate"): s.send(  # noqa: E731
                method, prefix + path, body, {"Content-Type": "application/json", **({"Authorization": "Bearer " + bearer} if bearer else {})}, port)
            status, _, text = ask("POST", "/api/reasoning/recommend", json.dumps({"userId": "gate", "n": 3}))
            assert status == 200 and len(json.loads(text)["items"]) == 3, (status, text)
            status, _, text = ask("GET", "/api/ontology/classes/VocabularyItem/instances?subclasses=true&limit=5")
            assert status == 200 and len(json.loads(text)["instances"]) == 5, (status, text)
            assert ask("POST", "/api/reasoning/recommend", "{}", bearer=None)[0] == 401
        assert s.send("GET", "/api/other", headers={"Authorization": "Bearer " + token("gate")}, port=port)[0] == 404
        assert 'lp_requests_total{service="gateway",route="learning",code="200"} 4' in s.send("GET", "/metrics", port=metrics)[2]
    finally:
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(30) == 0


def acknowledged_reviews_survive_kill_9_and_states_are_what_they_make(s):
    items, acknowledged = ["word-sun", "word-rain", "word-book"], set()

    def learn(n):
        rng, user = random.Random(n), f"kill-{n}"
        for i in range(200):
            status, _ = s.review(user, rng.choice(items), rng.choice(["again", "hard", "good", "easy"]), id=str(i), at=at(200 - i))
            if status == 0:
                return
            assert status == 201, status
            acknowledged.add((user, str(i)))
            if len(acknowledged) == 60:
                s.process.kill()
    for _ in range(2):
        acknowledged_before = len(acknowledged)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(learn, range(next(numbers) * 10, next(numbers) * 10 + 4)))
        assert len(acknowledged) > acknowledged_before
        s.process.kill()
        s.process.wait()
        s.start()
        if len(acknowledged) >= 60:
            break
    stored = set(tuple(line.split("|")) for line in s.sql("SELECT learner, key FROM reviews WHERE learner LIKE 'kill-%'").splitlines())
    assert acknowledged <= stored, acknowledged - stored
    recomputed_states_are_the_stored_ones(s)
    print(f"killed under reviews: {len(acknowledged)} acknowledged, all there")


if __name__ == "__main__":
    run((a_repeated_review_is_logged_once, late_reviews_take_their_place_in_time, reviews_at_the_same_moment_all_count,
         ten_thousand_reviews_a_minute_of_one_learner_hold_up_nobody, predicted_recall_is_counted_beside_what_was_recalled,
         the_gateway_leads_to_it_with_and_without_its_prefix, scores_and_edits_become_reviews_of_what_they_are_about,
         who_may_tell_of_events_and_what_of_them_is_wrong, an_event_that_is_cut_short_is_made_whole_by_the_next_delivery,
         a_learners_data_are_exported_and_erased, nobody_changes_a_review, what_a_review_saw_before_an_erasure_or_a_reset_is_not_written_after_it,
         acknowledged_reviews_survive_kill_9_and_states_are_what_they_make))
