#!/usr/bin/env python3
"""Every row of the tables in docs/features.md is short, says what there is, how to see it, and which tests hold it; those tests exist.

A row ends with a footnote, `[^name]`. At the end of the page `[^name]:` is followed by its tests, indented by four spaces: `folder/file: test`,
folder and file below test/ and without the file's ending, e.g. `unit/test_queue: name_of_the_function`. A test in Go has its name from Go.
A C test must also be in its program's list of tests.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = "docs/features.md"
COLUMNS = 160
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
    """The name of its footnote, or None."""
    cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    if len(cells) != 3 or not all(cells):
        problems.append(f"{DOC}:{number}: wanted three cells that are not empty: what, how to see it, [^name] of a footnote with its tests")
        return None
    if re.match(r"\d", cells[0]):
        problems.append(f"{DOC}:{number}: a feature has a name and no number")
    name = re.fullmatch(r"\[\^([a-z0-9-]+)\]", cells[2])
    if not name:
        problems.append(f"{DOC}:{number}: the last cell is {cells[2]}, wanted [^name]; the tests stand below [^name]: at the end of the page")
        return None
    return name[1]


def check_tests(number, name, text):
    references = REFERENCE.findall(text)
    if not references:
        problems.append(f"{DOC}:{number}: [^{name}] names no test")
    for file, test in references:
        path = source_of(file)
        if path is None:
            problems.append(f"{DOC}:{number}: there is no test/{file}")
        elif not is_there(path, test):
            problems.append(f"{DOC}:{number}: {path.relative_to(ROOT)} has no test {test}")
    rest = REFERENCE.sub("", text).replace(",", "").strip()
    if rest:
        problems.append(f"{DOC}:{number}: not a test: {rest}")


rows, notes = {}, {}
lines = (ROOT / DOC).read_text().splitlines()
note = None
for number, line in enumerate(lines, 1):
    if len(line) > COLUMNS:
        problems.append(f"{DOC}:{number}: {len(line)} columns, wanted at most {COLUMNS}: details belong into another page")
    begin = re.match(r"\[\^([a-z0-9-]+)\]:(.*)", line)
    if begin:
        note = begin[1]
        if note in notes:
            problems.append(f"{DOC}:{number}: [^{note}]: is there already in line {notes[note][0]}")
        notes[note] = (number, begin[2])
        continue
    if note and line.startswith("    "):
        notes[note] = (notes[note][0], notes[note][1] + line)
        continue
    note = None
    if not line.startswith("|") or line.startswith("|---") or line.startswith("| Feature "):
        continue
    name = check_row(number, line)
    if name in rows:
        problems.append(f"{DOC}:{number}: [^{name}] belongs to line {rows[name]}: each row has a footnote of its own")
    rows[name or number] = number
for name in rows.keys() - {number for number in rows if isinstance(number, int)} - notes.keys():
    problems.append(f"{DOC}:{rows[name]}: [^{name}]: is not at the end of the page")
for name, (number, text) in notes.items():
    if name not in rows:
        problems.append(f"{DOC}:{number}: no row has [^{name}]")
    check_tests(number, name, text)
if len(rows) < 150:
    problems.append(f"{DOC}: only {len(rows)} rows were found")
print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))
