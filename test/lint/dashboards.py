#!/usr/bin/env python3
"""Every metric that dashboards/*.json, alerts.yaml and the runbooks name is registered by a program, with the labels that they use."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What dashboards/prometheus.yaml adds to every series, and what Prometheus adds to histograms.
TARGET_LABELS = {"app", "platform", "namespace", "pod", "le"}
# The name and the labels of a family, literal in one call; helpers pass the kind or the labels on.
CALL = re.compile(r'"((?:lp|process|controller_runtime|workqueue|reconciles|leader)_[a-z0-9_]+)"\s*,')


def registered():
    """name -> labels, from the calls that register families (or None where a helper gives the labels)."""
    found = {}
    for folder in ("lib", "operator", "autoscaler", "services"):
        for source in (ROOT / folder).rglob("*.c"):
            text = source.read_text()
            # Adjacent string literals are one.
            text = re.sub(r'"\s*\n\s*"', "", text)
            for match in CALL.finditer(text):
                name = match.group(1)
                rest = text[match.end():match.end() + 400]
                literals = re.match(r'\s*"(?:[^"\\]|\\.)*"\s*,\s*"([a-z_,]*)"', rest)
                labels = set(filter(None, literals.group(1).split(","))) if literals else None
                if name not in found or found[name] is None:
                    found[name] = labels
    return found


def base_name(name, names):
    for suffix in ("", "_bucket", "_sum", "_count"):
        if name.endswith(suffix) and name[:len(name) - len(suffix)] in names:
            return name[:len(name) - len(suffix)]
    return None


def expressions(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query", "definition") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for item in node:
            yield from expressions(item)


def read(path):
    """The expressions of a dashboard, or the text of rules but their comments."""
    if path.suffix == ".json":
        return list(expressions(json.loads(path.read_text())))
    return [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]


def check(path, names):
    problems, seen = [], 0
    for expr in read(path):
        for match in re.finditer(r"\b((?:lp|process|controller_runtime|workqueue|reconciles)_[a-z0-9_]+)(\{[^}]*\})?", expr):
            seen += 1
            base = base_name(match.group(1), names)
            if base is None:
                problems.append(f"{match.group(1)} is registered by no program ({expr})")
                continue
            used = set(re.findall(r"([a-z_]+)\s*=~?", match.group(2) or ""))
            used |= {l.strip() for g in re.findall(r"\bby \(([^)]*)\)", expr) for l in g.split(",")}
            if names[base] is not None and used - names[base] - TARGET_LABELS:
                problems.append(f"{base} has no label {sorted(used - names[base] - TARGET_LABELS)} ({expr})")
    if seen == 0 and path.suffix != ".md":
        problems.append("no metric is named at all")
    return [f"{path.name}: {p}" for p in problems]


def main():
    names = registered()
    # OpenMetrics names the family of a counter without _total: it must be nobody else's.
    twice = [name for name in names if name + "_total" in names]
    if twice:
        print(f"both with and without _total: {twice}")
        return 1
    paths = [*sorted((ROOT / "dashboards").glob("*.json")), ROOT / "dashboards" / "alerts.yaml",
             *sorted((ROOT / "docs" / "runbooks").glob("*.md"))]
    problems = [p for path in paths for p in check(path, names)]
    print("\n".join(problems) or f"{len(names)} metrics are registered; every one that dashboards, alerts and runbooks name is there")
    return 1 if problems else 0


sys.exit(main())
