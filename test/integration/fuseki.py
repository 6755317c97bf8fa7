#!/usr/bin/env python3
"""Content of lp-learning in Apache Jena Fuseki: the export, loaded as docs/learning.md says, gives the same answers to SPARQL as /api/ontology does,
class by class, with and without those below it, page by page, and item by item; after changes too.

fuseki.py WORKDIR; LP_BIN, LP_POSTGRES_DIR: lib/learning_service.py; and a JDK 17 and Maven, whose repository is asked the first time (about 30 MB, kept in the cache).
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from learning_service import TEACHER, Learning, expect, exported, imported, token, transfer  # noqa: E402
from plane import free_port, send  # noqa: E402

PREFIXES = """PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX lp: <https://learningplatform.io/ontology#>
"""
ITEM, CLASS = "https://learningplatform.io/ontology/item/", "https://learningplatform.io/ontology/class/"
ONE, MANY = ("level", "phrase", "rank", "seconds"), {"tag": "tags", "prerequisite": "prerequisites", "confusableWith": "confusableWith", "partOf": "partOf"}


def jars():
    """The folder with Fuseki's jars; fetched once."""
    pom = HERE / "fuseki/pom.xml"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "learning-platform"
    folder = cache / ("fuseki-" + hashlib.sha256(pom.read_bytes()).hexdigest()[:12])
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "fuseki.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            fetched = pathlib.Path(tempfile.mkdtemp(prefix="fuseki.", dir=cache))
            try:
                subprocess.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"], check=True, timeout=900)
                fetched.rename(folder)
            finally:
                shutil.rmtree(fetched, ignore_errors=True)
    return folder


class Fuseki:
    """A server with one dataset in memory, /ds, on loopback."""

    def __init__(self, work):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["java", "-Xmx512m", "-cp", f"{jars()}/*", "org.apache.jena.fuseki.main.cmds.FusekiMainCmd", "--localhost", f"--port={self.port}", "--ping", "--mem",
             "--update", "/ds"], cwd=work, stdout=open(work / "fuseki.log", "w", encoding="utf-8"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 120
        while self.send("GET", "/$/ping")[0] != 200:
            assert time.monotonic() < end and self.process.poll() is None, f"Fuseki is not ready: {work}/fuseki.log"
            time.sleep(0.1)

    def send(self, method, path, body=None, **headers):
        status, _, text = send(self.port, method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        return status, text

    def load(self, pages):
        """The first page in place of all that is there, the others beside it."""
        for n, page in enumerate(pages):
            status, answer = self.send("POST" if n else "PUT", "/ds/data?default", page.encode(), Content_Type="text/turtle")
            assert status in (200, 201, 204), (status, answer)

    def select(self, query):
        """Rows as {name: value}."""
        status, answer = self.send("POST", "/ds/query", urllib.parse.urlencode({"query": PREFIXES + query}),
                                   Content_Type="application/x-www-form-urlencoded", Accept="application/sparql-results+json")
        assert status == 200, (status, answer, query)
        return [{name: value["value"] for name, value in row.items()} for row in json.loads(answer)["results"]["bindings"]]


def classes_by_sparql(fuseki):
    rows = fuseki.select("SELECT ?class ?label ?parent (COUNT(DISTINCT ?item) AS ?items) WHERE { ?class a rdfs:Class ; rdfs:label ?label ."
                         " OPTIONAL { ?class rdfs:subClassOf ?parent } OPTIONAL { ?item a ?class } } GROUP BY ?class ?label ?parent ORDER BY ?class")
    return [{"name": row["class"].removeprefix(CLASS), "label": row["label"], "items": int(row["items"]),
             "subClassOf": row["parent"].removeprefix(CLASS) if "parent" in row else None} for row in rows]


def page_by_sparql(fuseki, name, deep, limit, after):
    path = "rdf:type/rdfs:subClassOf*" if deep else "rdf:type"
    rows = fuseki.select(f'SELECT DISTINCT ?item WHERE {{ ?item {path} <{CLASS}{name}> FILTER(STR(?item) > "{ITEM}{after}") }} ORDER BY STR(?item) LIMIT {limit}')
    return [row["item"].removeprefix(ITEM) for row in rows]


def items_by_sparql(fuseki):
    """All as the API has them, what is written there as RDF."""
    items = {}
    for row in fuseki.select("SELECT ?item ?p ?o WHERE { ?item lp:phrase ?phrase ; ?p ?o }"):
        item = items.setdefault(row["item"].removeprefix(ITEM), {"content": {}, **{member: set() for member in MANY.values()}})
        name, value = row["p"].split("#")[-1], row["o"]
        if name == "type":
            item["class"] = value.removeprefix(CLASS)
        elif name == "content":
            item["content"] = json.loads(value)
        elif name in MANY:
            item[MANY[name]].add(value.removeprefix(ITEM))
        else:
            item[name] = int(value) if name in ("rank", "seconds") else value
    return items


def pages_are_the_same(s, fuseki, name, deep, limit):
    """How many items."""
    seen, after = 0, ""
    while True:
        path = f"/api/ontology/classes/{name}/instances?subclasses={str(deep).lower()}&limit={limit}" + (f"&after={after}" if after else "")
        page = expect(s.ask("GET", path, bearer=token("ann")), 200)
        ids = [item["id"] for item in page["instances"]]
        theirs = page_by_sparql(fuseki, name, deep, limit, after)
        assert ids == theirs, (path, ids[:5], theirs[:5])
        seen, after = seen + len(ids), page["next"]
        if not after:
            assert not ids or not page_by_sparql(fuseki, name, deep, limit, ids[-1]), path
            return seen


def the_answers_are_the_same(s, fuseki):
    classes = expect(s.ask("GET", "/api/ontology/classes", bearer=token("ann")), 200)["classes"]
    assert sorted(classes, key=lambda c: c["name"]) == classes_by_sparql(fuseki), classes
    counted = {c["name"]: pages_are_the_same(s, fuseki, c["name"], deep, limit) for c in classes for deep, limit in ((False, 200), (True, 50))}
    theirs = items_by_sparql(fuseki)
    for item in theirs:
        ours = expect(s.ask("GET", f"/api/ontology/items/{item}", bearer=token("ann")), 200)
        want = {member: set(ours[member]) for member in MANY.values()} | {"class": ours["class"], "content": ours["content"]}
        want |= {member: ours[member] for member in ONE if ours.get(member) is not None}
        assert theirs[item] == want, (theirs[item], want)
    assert counted["LearningItem"] == len(theirs) == sum(c["items"] for c in classes) > 400, (counted, len(theirs))
    print(f"{len(classes)} classes, {len(theirs)} items: the same pages and members")


def some_content(s):
    """Classes four deep, one empty; ids that have no short form in Turtle, or another order by locale; text of many scripts."""
    for name, parent in (("PhrasalVerb", "Verb"), ("SeparableVerb", "PhrasalVerb"), ("Empty", "SeparableVerb")):
        expect(s.ask("PUT", f"/api/ontology/classes/{name}", {"label": f'"{name}" \\ é', "subClassOf": parent}, TEACHER), 200)
    ids = ["-minus", ":colon", "ends.", "Upper", "upper", "a_b", "a-b", "a.b", "10", "9"]
    rows = [f'{name},{("PhrasalVerb", "SeparableVerb", "Verb")[n % 3]},B2,"put ""off"" {n}",{";".join(ids[:n % 4])},{";".join(ids[n % 5:])},"über 我 \U0001f600","t{n};t"'
            for n, name in enumerate(ids)]
    rows += [f"more-{n},{('SeparableVerb', 'Dialogue')[n % 2]},A2,more {n},,,m{n}," for n in range(300)]
    head = "id,class,level,phrase,confusableWith,partOf,meaning,tags\n"
    assert imported(s, "csv", head + "\n".join(rows))["items"]["added"] == 310


def changes_of_content(s):
    expect(s.ask("DELETE", "/api/ontology/items/more-7", bearer=TEACHER), 200)
    moved = {"class": "PhrasalVerb", "level": "C1", "phrase": "moved", "seconds": 33, "rank": 4, "prerequisites": ["word-table"]}
    expect(s.ask("PUT", "/api/ontology/items/more-8", moved, TEACHER), 200)
    assert transfer(s, "GET", "export?format=turtle&class=PhrasalVerb")[1].count("item:more-8 a class:PhrasalVerb") == 1


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    service, fuseki = Learning(work), None
    try:
        fuseki = Fuseki(work)
        some_content(service)
        pages = exported(service, "export?format=turtle&limit=120")
        assert len(pages) == 4, len(pages)
        fuseki.load(pages)
        the_answers_are_the_same(service, fuseki)
        changes_of_content(service)
        assert page_by_sparql(fuseki, "Dialogue", False, 1, "more-69") == ["more-7"], "what was deleted is there until the export is loaded again"
        fuseki.load(exported(service, "export?format=turtle&limit=120"))
        the_answers_are_the_same(service, fuseki)
        assert service.stop() == 0
    finally:
        service.process.kill()
        if fuseki:
            fuseki.process.kill()
            fuseki.process.wait()


main()
