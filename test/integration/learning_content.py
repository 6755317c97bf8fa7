#!/usr/bin/env python3
"""lp-learning's content beside a PostgreSQL: the starter set, edits and their undoing, exports and imports, and changes at the same moment.

learning_content.py WORKDIR; LP_BIN, LP_POSTGRES_DIR: lib/learning_service.py.
"""

import concurrent.futures
import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from learning_service import TEACHER, expect, exported, imported, in_turn_behind_a_lock, next_page, numbers, run, token, transfer  # noqa: E402


def the_starter_set_is_there_by_class_and_page(s):
    learner = token("ann")
    classes = {c["name"]: c for c in expect(s.ask("GET", "/api/ontology/classes", bearer=learner), 200)["classes"]}
    assert classes["Noun"]["subClassOf"] == "VocabularyItem" and classes["GrammarPoint"]["items"] == 16
    path, seen, after = "/api/ontology/classes/VocabularyItem/instances?subclasses=true&limit=40", [], ""
    while True:
        page = expect(s.ask("GET", path + after, bearer=learner), 200)
        seen += [i["id"] for i in page["instances"]]
        if not page["next"]:
            break
        after = "&after=" + page["next"]
    assert seen == sorted(set(seen)) and len(seen) == sum(classes[c]["items"] for c in ("Noun", "Verb", "Adjective")), len(seen)
    assert expect(s.ask("GET", "/api/ontology/classes/VocabularyItem/instances", bearer=learner), 200)["instances"] == []
    expect(s.ask("GET", "/api/ontology/classes/Verbs/instances", bearer=learner), 404)
    assert "furniture" in expect(s.ask("GET", "/api/ontology/items/word-table", bearer=learner), 200)["content"]["meaning"]


def a_change_of_content_shows_at_once_and_can_be_undone(s):
    path = "/api/ontology/items/word-snow"
    item = {"class": "Noun", "level": "A1", "phrase": "snow", "content": {"meaning": "frozen rain"}}
    assert expect(s.ask("PUT", path, item, TEACHER), 200)["version"] == 1
    changed = {**item, "content": {"meaning": "white flakes of frozen water"}, "version": 1}
    assert expect(s.ask("PUT", path, changed, TEACHER), 200)["version"] == 2
    expect(s.ask("PUT", path, changed, TEACHER), 409)
    assert expect(s.ask("GET", path, bearer=token("ann")), 200)["content"]["meaning"].startswith("white")
    undone = expect(s.ask("POST", path + "/undo", bearer=TEACHER), 200)
    assert undone["version"] == 3 and undone["content"]["meaning"] == "frozen rain"
    expect(s.ask("DELETE", path, bearer=TEACHER), 200)
    expect(s.ask("GET", path, bearer=token("ann")), 404)
    assert expect(s.ask("POST", path + "/undo", bearer=TEACHER), 200)["version"] == 5
    versions = expect(s.ask("GET", path + "/versions", bearer=TEACHER), 200)["versions"]
    assert [v["deleted"] for v in versions] == [False, True, False, False, False] and versions[0]["author"] == "teacher-1"


def learners_change_no_content_and_see_nobody_elses_data(s):
    item = {"class": "Noun", "level": "A1", "phrase": "x"}
    expect(s.ask("PUT", "/api/ontology/items/x", item, token("ann")), 403)
    expect(s.ask("DELETE", "/api/ontology/items/word-table", bearer=token("ann")), 403)
    expect(s.ask("PUT", "/api/ontology/classes/X", {}, token("ann")), 403)
    expect(s.ask("GET", "/api/ontology/classes"), 401)
    expect(s.ask("POST", "/api/reasoning/reviews", {"userId": "bob", "itemId": "word-table", "rating": "good"}, token("ann")), 403)
    expect(s.ask("GET", "/api/reasoning/data/bob", bearer=token("ann")), 403)


def wrong_content_is_refused_by_name(s):
    for change, word in (({"level": "D1"}, "level"), ({"phrase": ""}, "phrase"), ({"prerequisites": ["a b"]}, "prerequisites"),
                         ({"content": {"x": "y" * 9000}}, "content"), ({"content": {"x": "\0"}}, "u0000"), ({"tags": ["t"] * 21}, "tags")):
        answer = s.ask("PUT", "/api/ontology/items/x", {"class": "Noun", "level": "A1", "phrase": "x", **change}, TEACHER)
        assert word in expect(answer, 400)["message"], answer
    answer = s.ask("PUT", "/api/ontology/items/x", {"class": "Nouns", "level": "A1", "phrase": "x"}, TEACHER)
    assert "class" in expect(answer, 404)["message"], answer
    point = {"class": "GrammarPoint", "level": "A1", "phrase": "x"}
    expect(s.ask("PUT", "/api/ontology/items/first", point, TEACHER), 200)
    expect(s.ask("PUT", "/api/ontology/items/second", {**point, "prerequisites": ["first"]}, TEACHER), 200)
    answer = s.ask("PUT", "/api/ontology/items/first", {**point, "prerequisites": ["second"]}, TEACHER)
    assert "before itself" in expect(answer, 400)["message"], answer
    expect(s.ask("PUT", "/api/ontology/classes/LearningItem", {"subClassOf": "Noun"}, TEACHER), 409)
    expect(s.ask("PUT", "/api/ontology/items/third", {**point, "prerequisites": ["second"]}, TEACHER), 200)
    expect(s.ask("PUT", "/api/ontology/items/third", point, TEACHER), 200)
    expect(s.ask("PUT", "/api/ontology/items/first", {**point, "prerequisites": ["third"]}, TEACHER), 200)
    answer = s.ask("POST", "/api/ontology/items/third/undo", bearer=TEACHER)
    assert "before itself" in expect(answer, 400)["message"], answer


def items_by_id(s):
    return {line.split("|", 1)[0]: line for line in s.sql("SELECT id, doc, deleted FROM items ORDER BY id").splitlines()}


def an_export_comes_back_the_same_and_changes_nothing(s):
    before = items_by_id(s)
    for name in ("turtle", "jsonld", "csv", "anki"):
        path, pages = f"export?format={name}&limit=60", 0
        while path:
            status, text, headers = transfer(s, "GET", path)
            assert status == 200, text
            again = imported(s, name, text)
            assert again["import"] is None and again["items"]["added"] == again["items"]["changed"] == 0 and again["ignored"] == 0, again
            assert again["items"]["same"] > 0 and again["classes"] == {"added": [], "differ": []}, again
            pages, path = pages + 1, next_page(path, headers)
        assert pages == 3, pages
    assert items_by_id(s) == before
    status, text, _ = transfer(s, "GET", "export?format=csv&class=GrammarPoint")
    assert status == 200 and text.count("\r\n") == 17, text


def an_import_tells_first_what_it_would_change_and_is_undone_as_a_whole(s):
    before = items_by_id(s)
    text = transfer(s, "GET", "export?format=turtle&class=GrammarPoint")[1]
    text = text.replace("He said that he was tired.", "She said that she was tired.")
    text += ('class:Phrase a rdfs:Class ; rdfs:label "Phrases" ; rdfs:subClassOf class:LearningItem .\n'
             'item:phrase-so-long a class:Phrase ; lp:level "B1" ; lp:phrase "so long" ; lp:prerequisite item:grammar-reported-speech .\n')
    told = imported(s, "turtle&dryRun=true", text)
    assert told["items"] == {"added": 1, "changed": 1, "same": 15} and told["classes"]["added"] == ["Phrase"] and told["import"] is None, told
    assert told["changes"] == [{"id": "grammar-reported-speech", "change": "changed", "members": ["content"]},
                               {"id": "phrase-so-long", "change": "added", "members": None}], told
    assert items_by_id(s) == before and s.sql("SELECT count(*) FROM imports") == "0"
    done = imported(s, "turtle", text)
    assert {**done, "import": None, "dryRun": True} == told and done["import"], done
    item = "/api/ontology/items/grammar-reported-speech"
    assert "She" in expect(s.ask("GET", item, bearer=token("ann")), 200)["content"]["example"]
    path = f"imports/{done['import']}/undo"
    assert transfer(s, "POST", path, "", token("ann"))[0] == 403
    assert json.loads(transfer(s, "POST", path, "")[1]) == {"import": done["import"], "undone": 2, "kept": 0}
    after = items_by_id(s)
    assert after.pop("phrase-so-long").endswith("|t") and after == before, "not as before"
    assert transfer(s, "POST", path, "")[0] == 404
    versions = expect(s.ask("GET", item + "/versions", bearer=TEACHER), 200)["versions"]
    assert [v["version"] for v in versions] == [3, 2, 1] and versions[0]["item"] == versions[2]["item"]
    listed = json.loads(transfer(s, "GET", "imports")[1])["imports"]
    assert listed[0]["items"] == 2 and listed[0]["undoneAt"] and listed[0]["author"] == "teacher-1", listed


def what_was_changed_after_an_import_stays_when_it_is_undone(s):
    rows = "id,class,level,phrase\nword-first,Noun,A1,first\nword-second,Noun,A1,second\n"
    number = imported(s, "csv", rows)["import"]
    expect(s.ask("PUT", "/api/ontology/items/word-first", {"class": "Noun", "level": "A2", "phrase": "first of all"}, TEACHER), 200)
    assert json.loads(transfer(s, "POST", f"imports/{number}/undo", "")[1]) == {"import": number, "undone": 1, "kept": 1}
    assert expect(s.ask("GET", "/api/ontology/items/word-first", bearer=TEACHER), 200)["level"] == "A2"
    expect(s.ask("GET", "/api/ontology/items/word-second", bearer=TEACHER), 404)
    expect(s.ask("DELETE", "/api/ontology/items/word-first", bearer=TEACHER), 200)


def a_wrong_import_changes_nothing_and_names_what_is_wrong(s):
    before = items_by_id(s)
    head = "id,class,level,phrase,prerequisites\n"
    for text, status, words in ((head + "a,Noun,A1,x,\nb,Noun,Z9,x,", 400, "line 3: level"), (head + "a,Nouns,A1,x,", 400, "there is no class Nouns"),
                                (head + "a,Noun,A1,x,b\nb,Noun,A1,x,a", 400, "before itself"), (head + "a,Noun,A1," + "x" * 9000 + ",", 413, "8192 bytes")):
        answer = transfer(s, "POST", "import?format=csv&dryRun=true", text)
        assert answer[0] == status and words in answer[1], answer
        assert transfer(s, "POST", "import?format=csv", text)[0] == status
    assert transfer(s, "POST", "import?format=csv", "x" * 2100000)[0] == 413
    assert transfer(s, "POST", "import?format=xml", "")[0] == 400 and transfer(s, "GET", "export?format=csv&class=Nouns")[0] == 404
    assert transfer(s, "POST", "import?format=csv", head, token("ann"))[0] == transfer(s, "GET", "export?format=csv", bearer=token("ann"))[0] == 403
    assert items_by_id(s) == before


def a_long_chain_of_prerequisites_is_looked_through_at_once(s):
    head, n = "id,class,level,phrase,prerequisites\n", 1000
    rows = [f"chain-{i},Noun,B2,x,{f'chain-{i + 1}' if i + 1 < n else ''}" for i in range(n)]
    told = imported(s, "csv&dryRun=true", head + "\n".join(rows))
    assert told["items"] == {"added": n, "changed": 0, "same": 0}, told
    number = imported(s, "csv", head + "\n".join(rows[n // 2:]))["import"]
    assert imported(s, "csv&dryRun=true", head + "\n".join(rows))["items"]["added"] == n // 2
    rows[-1] = f"chain-{n - 1},Noun,B2,x,chain-0"
    status, answer, _ = transfer(s, "POST", "import?format=csv&dryRun=true", head + "\n".join(rows))
    assert status == 400 and "would have to be known before itself" in answer, (status, answer)
    status, answer, _ = transfer(s, "POST", "import?format=csv&dryRun=true", head + f"chain-{n - 1},Noun,B2,x,chain-{n // 2}")
    assert status == 400 and f"chain-{n - 1} would have to be known before itself" in answer, (status, answer)
    assert transfer(s, "POST", f"imports/+{number}/undo", "")[0] == 404
    assert json.loads(transfer(s, "POST", f"imports/{number}/undo", "")[1])["undone"] == n // 2


def pages_of_an_export_end_before_they_are_too_large(s):
    """By the bytes of the database, and of the text, which is far longer where ids have no short form in Turtle."""
    before, numbers = items_by_id(s), []
    for wide, n in ((False, 600), (True, 1000)):
        for begin in range(0, n, 200):
            end = min(begin + 200, n)
            if wide:
                ids = ";".join(f"-{i}" for i in range(20))
                rows = "id,class,level,phrase,confusableWith,partOf\n" + "".join(f"-{i},Noun,B2,wide,{ids},{ids}\n" for i in range(begin, end))
            else:
                rows = "id,class,level,phrase,meaning\n" + "".join(f"large-{i},Noun,B2,large,{'m' * 8000}\n" for i in range(begin, end))
            numbers.append(imported(s, "csv", rows)["import"])
    pages = exported(s, "export?format=csv")
    ids = [line.split(",")[0] for page in pages for line in page.splitlines()[1:]]
    assert sorted(ids) == sorted(set(ids)) and len(ids) == 140 + 600 + 1000 and len(pages) >= 5, (len(ids), len(pages))
    texts = exported(s, "export?format=turtle&limit=5000")
    assert sum(t.count('lp:phrase "wide"') for t in texts) == 1000 and sum(t.count('lp:phrase "large"') for t in texts) == 600
    again = [imported(s, "turtle&dryRun=true", t) for t in texts]
    assert sum(a["items"]["same"] for a in again) == 140 + 600 + 1000, again
    for number in numbers:
        assert json.loads(transfer(s, "POST", f"imports/{number}/undo", "")[1])["kept"] == 0
    after = items_by_id(s)
    assert {i: after[i] for i in before} == before and all(line.endswith("|t") for i, line in after.items() if i not in before)


def notes_of_anki_become_items(s):
    notes = "#separator:tab\n#html:true\n#tags column:3\n<b>so far</b>\tuntil now\tphrases b1\n"
    assert imported(s, "anki&class=Noun&level=B1", notes)["items"]["added"] == 1
    again = imported(s, "anki&class=Noun&level=B1", notes.replace("until now", "up to now"))
    assert again["items"] == {"added": 0, "changed": 1, "same": 0}, again
    item = expect(s.ask("GET", "/api/ontology/items/" + again["changes"][0]["id"], bearer=TEACHER), 200)
    assert (item["phrase"], item["content"], item["tags"]) == ("so far", {"meaning": "up to now"}, ["phrases", "b1"]), item
    expect(s.ask("DELETE", "/api/ontology/items/" + item["id"], bearer=TEACHER), 200)


def two_changes_at_the_same_moment_make_no_circle_together(s):
    """Each alone makes none; both have been looked at when the first is written."""
    def put(name, *before):
        return s.ask("PUT", f"/api/ontology/items/{name}", {"class": "Noun", "level": "A1", "phrase": name, "prerequisites": before}, TEACHER)

    def imported(name, before):
        text = f"id,class,level,phrase,prerequisites\n{name},Noun,A1,{name},{before}\n"
        status, _, answer = s.send("POST", "/api/ontology/import?format=csv", text.encode(), {"Content-Type": "text/csv", "Authorization": "Bearer " + TEACHER})
        return status, json.loads(answer)
    cases = {"put": lambda n: (lambda: put(f"{n}-a", f"{n}-b"), lambda: put(f"{n}-b", f"{n}-a")),
             "import": lambda n: (lambda: put(f"{n}-a", f"{n}-b"), lambda: imported(f"{n}-b", f"{n}-a")),
             "undo": lambda n: (lambda: put(f"{n}-a", f"{n}-b"), lambda: s.ask("POST", f"/api/ontology/items/{n}-b/undo", {}, TEACHER))}
    for name, calls in cases.items():
        expect(put(f"{name}-a"), 200)
        if name == "undo":
            expect(put("undo-b", "undo-a"), 200)
        expect(put(f"{name}-b"), 200)
        first, second = in_turn_behind_a_lock(s, "content_state", *calls(name))
        expect(first, 200)
        assert "would have to be known before itself" in expect(second, 400)["message"], second
        assert s.sql(f"SELECT string_agg(array_length(prerequisites, 1)::text, '') FROM items WHERE id LIKE '{name}-_'") == "1"
    both = in_turn_behind_a_lock(s, "content_state", lambda: put("free-a", "word-sun"), lambda: put("free-b", "word-sun"))
    assert [status for status, _ in both] == [200, 200], both  # what makes no circle is done, the second by another try


def a_large_import_gets_its_turn_beside_small_edits(s):
    """It takes far longer to look at than they do: each look of it is overtaken, until it takes its turn. Nobody is refused."""
    rows = "id,class,level,phrase,prerequisites\n" + "".join(f"turn-{n},Noun,B2,x,{f'turn-{n - 1}' if n else ''}\n" for n in range(3000))
    done, edits = threading.Event(), []

    def edit(name):
        while not done.is_set():
            edits.append(s.ask("PUT", f"/api/ontology/items/{name}", {"class": "Noun", "level": "A1", "phrase": f"{len(edits)}"}, TEACHER))

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        editors = [pool.submit(edit, f"edit-{n}") for n in range(3)]
        try:
            while len(edits) < 10 and not any(e.done() for e in editors):
                time.sleep(0.001)
            number = imported(s, "csv", rows)["import"]
        finally:
            done.set()
        for e in editors:
            e.result()
    refused = [answer for answer in edits if answer[0] != 200]
    assert not refused and len(edits) > 20, (len(edits), refused[:3])
    assert s.sql("SELECT count(*) FROM items WHERE id LIKE 'turn-%'") == "3000"
    assert json.loads(transfer(s, "POST", f"imports/{number}/undo", "")[1])["undone"] == 3000


def a_starter_set_that_fails_half_way_leaves_nothing(s):
    """The last of the tests: begins with an empty database."""
    s.stop()
    s.empty()
    s.start(STARTER_SET="false")
    assert expect(s.ask("GET", "/api/ontology/classes", bearer=TEACHER), 200) == {"classes": []}
    s.stop()
    s.sql("CREATE SEQUENCE attempts; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('attempts'); RAISE 'no'; END$$;"
          " CREATE TRIGGER fail BEFORE INSERT ON item_versions EXECUTE FUNCTION fail()")
    s.launch()
    end = time.monotonic() + 30
    while s.sql("SELECT last_value > 1 FROM attempts") != "t":
        assert time.monotonic() < end, "the starter set is not tried again"
        time.sleep(0.05)
    assert s.sql("SELECT (SELECT count(*) FROM classes) + (SELECT count(*) FROM items)") == "0"
    s.sql("DROP TRIGGER fail ON item_versions")
    while s.send("GET", "/readyz", port=s.metrics)[0] != 200:
        assert time.monotonic() < end, "not ready"
        time.sleep(0.05)
    assert s.sql("SELECT count(*), (SELECT count(*) FROM item_versions) FROM items") == "140|140"


if __name__ == "__main__":
    run((the_starter_set_is_there_by_class_and_page, an_export_comes_back_the_same_and_changes_nothing,
         an_import_tells_first_what_it_would_change_and_is_undone_as_a_whole, what_was_changed_after_an_import_stays_when_it_is_undone,
         a_wrong_import_changes_nothing_and_names_what_is_wrong, a_long_chain_of_prerequisites_is_looked_through_at_once,
         pages_of_an_export_end_before_they_are_too_large, notes_of_anki_become_items, a_change_of_content_shows_at_once_and_can_be_undone,
         learners_change_no_content_and_see_nobody_elses_data, wrong_content_is_refused_by_name, two_changes_at_the_same_moment_make_no_circle_together,
         a_large_import_gets_its_turn_beside_small_edits, a_starter_set_that_fails_half_way_leaves_nothing))
