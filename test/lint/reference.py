#!/usr/bin/env python3
"""The reference tells everything: each field is described, what is made from the definition is up to date, the JSON Schema takes
our samples and refuses wrong values, and docs/terms.yaml has the conditions, reasons, Events and annotations of the sources."""
import copy
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = "config/schema/learningplatform.io/learningplatform_v1alpha1.json"
TERMS = yaml.safe_load((ROOT / "docs/terms.yaml").read_text())
SOURCES = sorted(f for d in ("operator", "autoscaler", "platform") for f in (ROOT / d).rglob("*.[ch]"))
problems = []


def each_field_is_described():
    crd = yaml.safe_load((ROOT / "crds/learningplatform.yaml").read_text())

    def walk(node, path):
        for key, value in node.get("properties", {}).items():
            here = f"{path}.{key}".lstrip(".")
            words = value.get("description", "")
            if here == "metadata":
                continue  # the API server allows it no description
            if not words:
                problems.append(f"crds/learningplatform.yaml: {here}: has no description")
            elif words[-1] not in ".:" or len(words) > 450:
                problems.append(f"crds/learningplatform.yaml: {here}: description: wanted sentences of at most 450 characters, is {len(words)}: {words!r}")
            walk(value, here)
        if "items" in node:
            walk(node["items"], path + "[]")

    for version in crd["spec"]["versions"]:
        walk(version["schema"]["openAPIV3Schema"], "")


def what_is_made_is_up_to_date():
    made = subprocess.run([ROOT / "docs/reference", "--check"], stderr=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        problems.append(made.stderr.strip())


def errors(check, platform):
    return [f"{'.'.join(str(p) for p in e.absolute_path)}: {e.message[:160]}" for e in check.iter_errors(platform)]


def the_schema_takes_our_samples():
    check = jsonschema.Draft7Validator(json.loads((ROOT / SCHEMA).read_text()))
    for path in sorted((ROOT / "config/samples").glob("*.yaml")) + [ROOT / "config/manager/platform.yaml"]:
        for platform in yaml.safe_load_all(path.read_text()):
            for e in errors(check, platform):
                problems.append(f"{path.relative_to(ROOT)}: the schema refuses it: {e}")


def the_schema_refuses_wrong_values():
    check = jsonschema.Draft7Validator(json.loads((ROOT / SCHEMA).read_text()))
    good = {"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform", "metadata": {"name": "english"}}
    wrong = {
        "spec.mode": {"mode": "Off"},
        "spec.services.auth.autoscaling.maxReplicas": {"services": {"auth": {"autoscaling": {"maxReplicas": 1001}}}},
        "spec.services.auth": {"services": {"auth": {"replica": 2}}},
        "spec.services.gateway.resources.limits.memory": {"services": {"gateway": {"resources": {"limits": {"memory": "lots"}}}}},
        "spec.schedules.0.weekly.0.start": {"schedules": [{"name": "a", "weekly": [{"days": ["Mon"], "start": "8:00", "end": "09:00"}]}]},
        "spec.schedules.0": {"schedules": [{"replicas": {"auth": 2}}]},
        "spec.services.auth.env.0.valueFrom.secretKeyRef": {"services": {"auth": {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]}}},
    }
    if errors(check, {**good, "spec": {}}):
        problems.append(f"{SCHEMA}: refuses an empty spec")
    for path, spec in wrong.items():
        found = errors(check, {**copy.deepcopy(good), "spec": spec})
        if not any(e.startswith(path + ":") for e in found):
            problems.append(f"{SCHEMA}: wanted a refusal of {path}, got {found}")


def calls(text, name):
    """The arguments of each call, macros replaced by their text."""
    for found in re.finditer(rf"\b{name}\(", text):
        depth, end = 1, found.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[found.end():end - 1]


def words(text):
    return re.findall(r'"([A-Z][A-Za-z]+)"', text)


def conditions_reasons_and_events_are_told():
    conditions, reasons = set(TERMS["conditions"]), {r for c in TERMS["conditions"].values() for r in c["reasons"]}
    known = conditions | reasons | {"True", "False", "Unknown"}
    literals = set()
    for path in SOURCES:
        text = path.read_text()
        for name, value in re.findall(r'#define (\w+) ("[^"\n]*")', text):
            text = re.sub(rf"(?<!define )\b{name}\b", lambda _, v=value: v, text)
        literals |= set(words(text))
        where = path.relative_to(ROOT)
        for args in [a for f in ("conditions_set", "set_abnormal") for a in calls(text, f)]:
            for word in set(words(args)) - known:
                problems.append(f"{where}: docs/terms.yaml: conditions: {word} is not there")
        for args in [a for f in ("events_emit", "events_emit_about") for a in calls(text, f)]:
            for word in set(words(args)) - set(TERMS["events"]) - {"Normal", "Warning", "Apply", "Delete", "Scale", "Reconcile"}:
                problems.append(f"{where}: docs/terms.yaml: events: {word} is not there")
        if path.name == "http_route.c":
            for args in calls(text, "set"):
                for word in set(words(args)) - known:
                    problems.append(f"{where}: docs/terms.yaml: conditions: {word} is not there")
    for word in sorted((conditions | reasons | set(TERMS["events"])) - literals):
        problems.append(f"docs/terms.yaml: {word}: is in no source")


def annotations_are_told():
    text = "\n".join(p.read_text() for p in SOURCES)
    used = set(re.findall(r'^#define \w+ "(learningplatform\.io/[a-z-]+)"', text, re.M))
    told = set(TERMS["annotations"])
    for name in sorted(used - told):
        problems.append(f"docs/terms.yaml: annotations: {name} is not there")
    for name in sorted(n for n in told if f'"{n}"' not in text):
        problems.append(f"docs/terms.yaml: annotations: {name} is in no source")


def what_asks_for_somebody_has_a_section():
    heads = re.findall(r"^## (\w+)$", (ROOT / "docs/troubleshooting.md").read_text(), re.M)
    bad = [n for n, c in TERMS["conditions"].items() if "bad" in c]
    for name in bad:
        if name not in heads:
            problems.append(f"docs/troubleshooting.md: no section {name}")
    for name in heads:
        if name not in bad:
            problems.append(f"docs/troubleshooting.md: section {name}: no condition of docs/terms.yaml that asks for somebody")


def links_of_the_docs_lead_somewhere():
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "charts/learning-platform/README.md"]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`\n]*`", "", page.read_text())) if page.is_file() else []:
            if not (page.parent / target).exists():
                problems.append(f"{page.relative_to(ROOT)}: there is no {target}")
    index = (ROOT / "docs/README.md").read_text()
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.name != "README.md" and f"({page.name})" not in index:
            problems.append(f"docs/README.md: {page.name} is not in it")


each_field_is_described()
what_is_made_is_up_to_date()
the_schema_takes_our_samples()
the_schema_refuses_wrong_values()
conditions_reasons_and_events_are_told()
annotations_are_told()
what_asks_for_somebody_has_a_section()
links_of_the_docs_lead_somewhere()
print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))
