#!/usr/bin/env python3
"""Every row of the tables in docs/features.md says what there is, how to see it, and which tests hold it; each of those tests exists.

A test is written as `folder/file: name`, folder and file below test/ and without the file's ending:
`unit/test_queue: name_of_the_function`. A test in Go has its name from Go. A C test must also be in its program's list of tests.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = "docs/features.md"
REFERENCE = re.compile(r"`((?:unit|integration|conformance|lint|e2e|fuzz)/[\w./-]+): (\w+)`")
ENDINGS = (".c", ".py", ".sh", ".go", "")
problems = []


def source_of(name):
    for ending in ENDINGS:
        path = ROOT / "test" / (name + ending)
        if path.is_file():
            return path
    return None


def is_there(path, test):
    text = path.read_text()
    if path.suffix == ".c":
        return (re.search(rf"^static void {test}\(void \*\*", text, re.M)
                and re.search(rf"(?:cmocka_unit_test\w*|test)\({test}\b", text))
    if path.suffix == ".py":
        return re.search(rf"^\s*(?:async )?def {test}\(", text, re.M)
    if path.suffix == ".go":
        return re.search(rf"^func {test}\(t \*testing.T\) ", text, re.M)
    return re.search(rf"^\s*{test}\(\) ", text, re.M)


def check_row(number, line):
    cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    if len(cells) != 3 or not all(cells):
        problems.append(f"{DOC}:{number}: wanted three cells that are not empty: what, how to see it, tests")
        return
    if re.match(r"\d", cells[0]):
        problems.append(f"{DOC}:{number}: a feature has a name and no number")
    references = REFERENCE.findall(cells[2])
    if not references:
        problems.append(f"{DOC}:{number}: no test is named")
    for name, test in references:
        path = source_of(name)
        if path is None:
            problems.append(f"{DOC}:{number}: there is no test/{name}")
        elif not is_there(path, test):
            problems.append(f"{DOC}:{number}: {path.relative_to(ROOT)} has no test {test}")
    rest = REFERENCE.sub("", cells[2]).replace(",", "").strip()
    if rest:
        problems.append(f"{DOC}:{number}: not a test: {rest}")


rows = 0
lines = (ROOT / DOC).read_text().splitlines()
for number, line in enumerate(lines, 1):
    if not line.startswith("|") or line.startswith("|---") or line.startswith("| Feature "):
        continue
    rows += 1
    check_row(number, line)
if rows < 20:
    problems.append(f"{DOC}: only {rows} rows were found")
print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))
