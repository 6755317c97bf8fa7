#!/usr/bin/env python3
"""What lp-learning recommends beside a PostgreSQL: what is due and when, before an exam too, what answers teach, and how policies are compared.

learning_offers.py WORKDIR; LP_BIN, LP_POSTGRES_DIR: lib/learning_service.py.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from learning_service import at, expect, numbers, recommend, recomputed_states_are_the_stored_ones, run, token  # noqa: E402


def what_builds_on_something_comes_after_it(s):
    def grammar():
        items = expect(recommend(s, "step", "?policy=fsrs", n=50), 200)["items"]
        return {i["id"] for i in items if i["id"].startswith("grammar-") and i["kind"] == "new"}
    before = grammar()
    assert "grammar-present-simple" in before and "grammar-present-simple-questions" not in before, before
    expect(s.review("step", "grammar-present-simple", "again", at=at(2)), 201)
    assert "grammar-present-simple-questions" not in grammar()
    expect(s.review("step", "grammar-present-simple", "easy"), 201)  # holds longer than a day
    assert "grammar-present-simple-questions" in grammar()


def answers_teach_the_bandit_and_the_level(s):
    offered = expect(recommend(s, "learns", n=12), 200)
    assert offered["policy"] == "bandit" and offered["arm"] == "" and offered["due"] == 0 and len(offered["items"]) == 12, offered
    assert all(i["kind"] == "new" and 0 < i["propensity"] <= 1 and i["reason"].startswith("New, ") for i in offered["items"])
    day = time.gmtime()[:3]
    for item in offered["items"]:
        expect(s.review("learns", item["id"], "good", durationMs=20000), 201)
    assert s.sql("SELECT count(*), count(reward), min(reward) FROM offers WHERE learner = 'learns'") == "12|12|1"
    assert s.sql("SELECT bandit_model, length(bandit) > 270, level > 1.2 FROM learners WHERE learner = 'learns'") == "lts-1|t|t"
    again = expect(recommend(s, "learns", minutes=5), 200)
    assert again["level"] > 1.2, again
    if time.gmtime()[:3] == day:  # a day ends at midnight UTC, and its minutes with it
        assert again["minutesToday"] == 4 and again["seconds"] <= 60, again
    expect(s.ask("DELETE", "/api/reasoning/model/learns", bearer=token("learns")), 200)
    assert s.sql("SELECT bandit IS NULL, level FROM learners WHERE learner = 'learns'") == "t|1"
    assert s.sql("SELECT count(*) FROM reviews WHERE learner = 'learns'") == "12"


def how_a_learner_forgets_is_learned_from_answers_of_later_days(s):
    rate = lambda user: s.sql(f"SELECT coalesce(split_part(forgetting, ' ', 1), '-') FROM learners WHERE learner = '{user}'")  # noqa: E731
    items = ("word-dog", "word-cat", "word-bird", "word-tree", "word-sun", "word-book")
    for user, rating in (("fast", "again"), ("slow", "easy")):
        for item in items:
            expect(s.review(user, item, "good", at=at(40), id=item), 201)
        assert rate(user) == "-", rate(user)  # first answers say nothing of it
        for item in items:
            expect(s.review(user, item, rating, at=at(30), id=item + "-2"), 201)
        now = rate(user)
        expect(s.review(user, "word-dog", "again", at=at(30), id="the same day"), 201)
        assert rate(user) == now, "an answer of the same day says nothing of it"
        expect(s.review(user, "word-rain", "good", at=at(5), id="rain"), 201)
    assert float(rate("fast")) > 0.4 and float(rate("slow")) < 0, (rate("fast"), rate("slow"))
    assert s.sql("SELECT forgetting_model, cardinality(string_to_array(forgetting, ' ')) FROM learners WHERE learner = 'fast'") == "mix-1|19"
    recall = {user: next(i["recall"] for i in expect(recommend(s, user, n=50), 200)["items"] if i["id"] == "word-rain") for user in ("fast", "slow")}
    assert recall["fast"] < recall["slow"] - 0.05, recall  # both have the same state of it
    expect(s.ask("DELETE", "/api/reasoning/model/fast", bearer=token("fast")), 200)
    assert rate("fast") == "-"
    recomputed_states_are_the_stored_ones(s)


def due_reviews_come_back_and_an_exam_brings_them_forward(s):
    for i, item in enumerate(("word-dog", "word-cat", "word-bird", "word-tree")):
        for days in (40, 30):
            expect(s.review("due", item, "easy", at=at(days), id=f"{i}-{days}"), 201)
    expect(s.review("due", "word-sun", "easy", id="fresh"), 201)
    answer = expect(recommend(s, "due", n=8), 200)
    reviews = [i for i in answer["items"] if i["kind"] == "review"]
    assert answer["due"] == 0 and not reviews, answer
    expect(s.review("due", "word-rain", "good", at=at(20), id="old"), 201)
    answer = expect(recommend(s, "due", n=8), 200)
    assert answer["due"] == 1 and [i["id"] for i in answer["items"] if i["kind"] == "review"] == ["word-rain"], answer
    exam = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 90 * 86400))
    soon = expect(recommend(s, "due", n=8, examDate=exam), 200)
    forward = {i["id"] for i in soon["items"] if i["kind"] == "review"}
    assert "word-rain" in forward and len(forward) >= 4 and "word-sun" not in forward, soon  # word-sun was practised today
    assert "in ten days" in next(i["reason"] for i in soon["items"] if i["kind"] == "review")
    near = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    assert "on the day of the exam" in expect(recommend(s, "due", n=1, examDate=near), 200)["items"][0]["reason"]
    assert soon["examDate"] == exam + "T09:00:00Z" and answer["examDate"] is None
    expect(recommend(s, "due", examDate="2020-01-01"), 400)
    assert s.stop() == 0
    s.start(EXAM_DATES="2020-01-01T09:00:00Z," + exam + "T09:00:00Z")  # of the platform
    theirs = expect(recommend(s, "due", n=8), 200)
    assert theirs["examDate"] == exam + "T09:00:00Z", theirs
    assert {i["id"] for i in theirs["items"] if i["kind"] == "review"} == forward, theirs
    assert expect(recommend(s, "due", n=8, examDate="none"), 200)["examDate"] is None
    assert s.stop() == 0
    s.start()


def before_an_exam_the_least_known_of_many_have_their_turn(s):
    """300 items that are not due yet; of those due first 45 were deleted, and one that is due late is known far less than all others."""
    s.sql("INSERT INTO items (id, class, level, rank, prerequisites, confusables, doc, version, deleted) SELECT 'many-' || n, 'Noun', 6, n, '{}', '{}',"
          " jsonb_build_object('id', 'many-' || n, 'phrase', 'many ' || n, 'seconds', 10), 1, n <= 45 FROM generate_series(1, 300) n;"
          "INSERT INTO states (learner, item_id, difficulty, stability, stage, step, last_ms, due_ms, reviews, model, ratings, recalled)"
          " SELECT 'hundreds', 'many-' || n, 5, CASE n WHEN 150 THEN 1 ELSE 300 END, 2, 0, t.now - 3 * 86400000, t.now + n * 86400000::bigint, 2, 'test', 6, 2"
          " FROM generate_series(1, 300) n, (SELECT (extract(epoch FROM now()) * 1000)::bigint AS now) t;"
          "UPDATE states SET last_ms = last_ms + 3 * 86400000 - 60000 WHERE learner = 'hundreds' AND item_id = 'many-50'")  # not ripe
    exam = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
    answer = expect(recommend(s, "hundreds", n=50, examDate=exam), 200)
    ids = [i["id"] for i in answer["items"] if i["kind"] == "review"]
    assert ids[0] == "many-150" and len(set(ids)) == len(ids) >= 25 and "many-50" not in ids and answer["due"] == 0, answer
    assert all(int(i.split("-")[1]) > 45 for i in ids), ids
    s.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lp-learning'")
    again = expect(recommend(s, "hundreds", n=50, examDate=exam), 200)  # connections that are gone are no failure
    assert [i["id"] for i in again["items"] if i["kind"] == "review"][0] == "many-150", again
    s.sql("UPDATE states SET due_ms = 1 WHERE learner = 'hundreds'")
    late = expect(recommend(s, "hundreds", n=5, examDate=exam), 200)
    assert late["due"] == 300, late
    s.sql("DELETE FROM states WHERE learner = 'hundreds'; DELETE FROM items WHERE id LIKE 'many-%'")


def before_an_exam_what_is_in_doubt_comes_first_to_who_forgets_exponentially_and_all_in_turn_to_others(s):
    """20 are due first and bring nothing; of the next 220 60 had no turn for long, 100 are in doubt, 60 are lost, and 60 are looked up."""
    now, numbers = int(time.time() * 1000), " ".join(["0"] * 18)
    s.sql("INSERT INTO items (id, class, level, rank, prerequisites, confusables, doc, version) SELECT kind || '-' || n, 'Noun', 6, n, '{}', '{}',"
          " jsonb_build_object('id', kind || '-' || n, 'phrase', kind || ' ' || n, 'seconds', 10), 1"
          " FROM (VALUES ('first', 20), ('long', 60), ('doubt', 100), ('lost', 60)) k(kind, most), generate_series(1, most) n;")
    for learner, forgetting in (("turns", None), ("halves", numbers + " 12"), ("powers", numbers + " -12"), ("beyond", numbers + " -1e300"),
                                ("few", "0 0 12"), ("words", "no " * 19), ("nan", numbers + " nan"), ("large", numbers + " 1e999")):
        s.sql(f"INSERT INTO learners (learner, reviews, day, day_ms, forgetting_model, forgetting) VALUES ('{learner}', 0, 0, 0, 'mix-1',"
              f" {repr(forgetting) if forgetting else 'NULL'});"
              "INSERT INTO states (learner, item_id, difficulty, stability, stage, step, last_ms, due_ms, reviews, model, ratings, recalled)"
              f" SELECT '{learner}', i.id, 5, k.stability, 2, 0, {now} - k.days * 86400000::bigint, {now} + k.due * 86400000::bigint + i.rank, 2, 'test', 6, 2"
              " FROM (VALUES ('first', 3000, 1, 1), ('long', 20, 20, 2), ('doubt', 2, 13, 2), ('lost', 0.2, 10, 2)) k(kind, stability, days, due) JOIN items i ON i.id LIKE kind || '-%'")
    exam = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
    for learner, kind in (("turns", "long"), ("halves", "doubt"), ("powers", "long"), ("beyond", "long"), ("few", "long"), ("words", "long"), ("nan", "long"), ("large", "long")):
        reviews = [i["id"] for i in expect(recommend(s, learner, n=50, examDate=exam), 200)["items"] if i["kind"] == "review"]
        kinds = {i.split("-")[0] for i in reviews}
        assert kind in kinds and kinds <= {kind, "first"}, (learner, reviews)
    s.sql("DELETE FROM states WHERE model = 'test'; DELETE FROM learners WHERE learner IN ('turns', 'halves', 'powers', 'beyond', 'few', 'words', 'nan', 'large');"
          "DELETE FROM items WHERE id ~ '^(first|long|doubt|lost)-'")


def what_was_deleted_is_not_due_and_what_is_due_at_the_same_moment_is_looked_at(s):
    """45 deleted items and 3 others are due; 60 are due at the same millisecond, and the one that was written last is known least."""
    s.sql("INSERT INTO items (id, class, level, rank, prerequisites, confusables, doc, version, deleted) SELECT 'even-' || n, 'Noun', 6, n, '{}', '{}',"
          " jsonb_build_object('id', 'even-' || n, 'phrase', 'even ' || n, 'seconds', 10), 1, n <= 45 FROM generate_series(1, 108) n;"
          "INSERT INTO states (learner, item_id, difficulty, stability, stage, step, last_ms, due_ms, reviews, model, ratings, recalled)"
          " SELECT CASE WHEN n > 48 THEN 'even' ELSE 'deleted' END, 'even-' || n, 5, CASE n WHEN 108 THEN 1 ELSE 300 END, 2, 0, t.now - 3 * 86400000,"
          " t.now + CASE WHEN n > 48 THEN 30 ELSE -1 END * 86400000::bigint, 2, 'test', 6, 2"
          " FROM generate_series(1, 108) n, (SELECT (extract(epoch FROM now()) * 1000)::bigint AS now) t")
    for exam in ("none", *(time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400)) for days in (3, 60))):
        for policy in ("bandit", "fsrs", "lowest-average", "random"):
            answer = expect(recommend(s, "deleted", "?policy=" + policy, n=5, examDate=exam), 200)
            assert answer["due"] == 3, (exam, policy, answer)
    answer = expect(recommend(s, "even", n=50, examDate=exam), 200)
    assert [i["id"] for i in answer["items"] if i["kind"] == "review"][0] == "even-108", answer
    s.sql("DELETE FROM states WHERE learner IN ('even', 'deleted'); DELETE FROM items WHERE id LIKE 'even-%'")


def what_a_pooler_forgot_is_sent_whole(s):
    """Behind each logged decision nothing is prepared any more (26000), as on another connection of a pooler's; then a name is taken (42P05)."""
    exam = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
    taken = "IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'read_due') THEN EXECUTE 'PREPARE read_due AS SELECT 1'; END IF"
    for loses in ("EXECUTE 'DEALLOCATE ALL'", taken):
        s.sql(f"CREATE OR REPLACE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {loses}; RETURN NULL; END$$;"
              "CREATE OR REPLACE TRIGGER lose AFTER INSERT ON decisions EXECUTE FUNCTION lose()")
        assert s.stop() == 0
        s.start(DATABASE_CONNECTIONS="1")
        for when in (exam, exam, "none", "none"):
            answer = expect(recommend(s, "pooled", n=5, examDate=when), 200)
            assert len(answer["items"]) == 5 and answer["due"] == 0 and answer["level"] == 1, answer
        whole = expect(recommend(s, "due", n=8, examDate=exam), 200)
        assert any(i["kind"] == "review" for i in whole["items"]), whole
    s.sql("DROP FUNCTION lose CASCADE")
    assert s.stop() == 0
    s.start()


def policies_are_chosen_logged_and_compared(s):
    for user, policy in (("pol-1", "fsrs"), ("pol-2", "random"), ("pol-3", "lowest-average")):
        answer = expect(recommend(s, user, "?policy=" + policy, n=5), 200)
        assert (answer["policy"], answer["arm"], len(answer["items"])) == (policy, "asked", 5), answer
        for item in answer["items"]:
            expect(s.review(user, item["id"], "hard"), 201)
    assert s.sql("SELECT string_agg(DISTINCT policy, ',' ORDER BY policy) FROM decisions WHERE arm = 'asked' AND learner LIKE 'pol-%'") \
        == "fsrs,lowest-average,random"
    expect(recommend(s, "pol-1", "?policy=best"), 400)
    expect(recommend(s, "pol-1", bearer=token("pol-2")), 403)
    expect(s.ask("GET", "/api/reasoning/estimate", bearer=token("pol-1")), 403)
    for policy in ("bandit", "fsrs", "random"):
        estimate = expect(s.ask("GET", f"/api/reasoning/estimate?policy={policy}&days=7", bearer=token("root", "admin")), 200)
        assert estimate["answers"] >= 27 and 0 < estimate["doublyRobust"]["value"] < 1.2 and estimate["ips"]["value"] > 0, estimate
    expect(s.ask("DELETE", "/api/reasoning/model", bearer=token("pol-1")), 403)
    assert expect(s.ask("DELETE", "/api/reasoning/model", bearer=token("root", "admin")), 200)["learners"] > 3


def due_reviews_are_foretold_by_hour(s):
    """Counted when the database is there after a start: the last of the tests started it anew."""
    s.stop()
    s.start()
    end = time.monotonic() + 30
    now, far = int(s.sql("SELECT count(*) FROM states WHERE due_ms <= extract(epoch FROM now()) * 1000")), int(s.sql("SELECT count(*) FROM states"))
    assert 0 < now < far
    while not s.metric('lp_learning_due{hour="0"}'):
        assert time.monotonic() < end, "nothing is due"
        time.sleep(0.05)
    hours = [s.metric(f'lp_learning_due{{hour="{h}"}}') for h in range(168)]
    assert hours[0] >= now and now < sum(hours) <= far, (now, far, hours)


def old_decisions_go_though_nothing_is_counted(s):
    """The forecast and the purge of one round; the forecast fails here."""
    s.stop()
    s.sql("INSERT INTO decisions (at, learner, policy, arm, model, fresh, slots, mean_x, first_x) SELECT now() - interval '91 days', 'old', 'fsrs', '', 'x',"
          " 1, 1, '', '' FROM generate_series(1, 4100)")
    s.sql("INSERT INTO offers SELECT id, learner, 'word-sun', 0, 1, '', NULL FROM decisions WHERE learner = 'old'")
    kept = s.sql("SELECT count(*) FROM decisions WHERE learner <> 'old'")
    s.sql("ALTER TABLE states RENAME COLUMN due_ms TO due_then")
    s.start()
    end = time.monotonic() + 30
    while s.sql("SELECT (SELECT count(*) FROM decisions WHERE learner = 'old') + (SELECT count(*) FROM offers WHERE learner = 'old')") != "0":
        assert time.monotonic() < end, "old decisions stay"
        time.sleep(0.05)
    s.sql("ALTER TABLE states RENAME COLUMN due_then TO due_ms")
    assert s.sql("SELECT count(*) FROM decisions") == kept != "0"


if __name__ == "__main__":
    run((what_builds_on_something_comes_after_it, answers_teach_the_bandit_and_the_level, how_a_learner_forgets_is_learned_from_answers_of_later_days,
         due_reviews_come_back_and_an_exam_brings_them_forward, before_an_exam_the_least_known_of_many_have_their_turn,
         before_an_exam_what_is_in_doubt_comes_first_to_who_forgets_exponentially_and_all_in_turn_to_others,
         what_was_deleted_is_not_due_and_what_is_due_at_the_same_moment_is_looked_at, what_a_pooler_forgot_is_sent_whole,
         policies_are_chosen_logged_and_compared, old_decisions_go_though_nothing_is_counted, due_reviews_are_foretold_by_hour))
