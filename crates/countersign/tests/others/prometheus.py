"""Holds a dashboard and alert rules against an exposition: python prometheus.py EXPOSITION DASHBOARD RULES

Every expression has to be PromQL; every selector in it has to name a series that was told, with labels and values that exist; every
label that is grouped by has to exist. Prints what was looked at as JSON; exits 1 with a line for each thing that is wrong.
"""

import json
import re
import sys

import promql_parser
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

# Labels that Prometheus itself adds, and the one whose values depend on what was asked.
ADDED = {"job", "instance"}
OPEN = {"status"}
WRONG = []


def series_of(text):
    told = {}
    for family in text_string_to_metric_families(text):
        if not family.documentation:
            wrong(f"{family.name} has no help")
        for sample in family.samples:
            told.setdefault(sample.name, []).append(sample.labels)
    return told


def wrong(line):
    """Something to be mended."""
    WRONG.append(line)


def parts(node):
    """The node and everything below it."""
    yield node
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
        below = getattr(node, name, None)
        if isinstance(below, promql_parser.Expr):
            yield from parts(below)
    for below in getattr(node, "args", None) or []:
        yield from parts(below)


def fits(matcher, labels):
    value, operator = labels.get(matcher.name, ""), str(matcher.op)
    found = re.fullmatch(matcher.value, value) is not None
    if "NotRe" in operator:
        return not found
    if "Re" in operator:
        return found
    if "NotEqual" in operator:
        return value != matcher.value
    return value == matcher.value


def check(where, text, told):
    try:
        tree = promql_parser.parse(text.replace("$__rate_interval", "5m"))
    except ValueError as error:
        return wrong(f"{where}: {error}")
    selectors = [node for node in parts(tree) if isinstance(node, promql_parser.VectorSelector)]
    if not selectors:
        return wrong(f"{where}: it asks for nothing")
    known = set(ADDED)
    for selector in selectors:
        series = told.get(selector.name)
        if series is None:
            wrong(f"{where}: nobody tells {selector.name}")
            continue
        names = {name for labels in series for name in labels}
        known |= names
        matchers = [m for m in selector.matchers.matchers if m.name not in ADDED]
        for matcher in matchers:
            if matcher.name not in names:
                wrong(f"{where}: {selector.name} has no label {matcher.name}")
        closed = [m for m in matchers if m.name not in OPEN]
        if not any(all(fits(m, labels) for m in closed) for labels in series):
            wrong(f"{where}: no series of {selector.name} fits {text}")
    for node in parts(tree):
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier is not None:
            for name in modifier.labels:
                if name not in known:
                    wrong(f"{where}: nothing has the label {name} to group by")


def main(exposition, dashboard, rules):
    told = series_of(open(exposition, encoding="utf-8").read())
    board = json.load(open(dashboard, encoding="utf-8"))
    asked = [(f"panel {p['title']}", t["expr"]) for p in board["panels"] for t in p["targets"]]
    for variable in board["templating"]["list"]:
        name = re.match(r"label_values\((\w+), job\)$", variable.get("definition", ""))
        if name:
            asked.append((f"variable {variable['name']}", name[1]))
    alerts = [rule for group in yaml.safe_load(open(rules, encoding="utf-8"))["groups"] for rule in group["rules"]]
    for rule in alerts:
        if set(rule) - {"for"} != {"alert", "expr", "labels", "annotations"}:
            wrong(f"alert {rule.get('alert')}: {sorted(rule)}")
        asked.append((f"alert {rule['alert']}", rule["expr"]))
    for where, text in asked:
        check(where, text, told)
    print("\n".join(WRONG) or json.dumps({"told": len(told), "panels": len(board["panels"]), "alerts": len(alerts)}))
    sys.exit(1 if WRONG else 0)


main(*sys.argv[1:])
