# SPDX-License-Identifier: Apache-2.0
"""What other programs demand of the formats that they read, as far as these use it.

Each rule set is closed: a member or element that it does not name is an error.  They were compared
with, and hold what these say of the parts that vmtrace writes:

SARIF         sarif-schema-2.1.0.json, errata 01 (oasis-tcs/sarif-spec 0a8091f7d4), sections 3.4,
              3.11.6 and 3.14.14 of the standard, and GitHub's page "SARIF support for code
              scanning" with its limits (github/docs 058fa63bfe)
GitLab        codeclimate.json and Reports::CodequalityReports (gitlabhq 33827e3a53), and what
              the documentation requires beyond that
JUnit         junit-10.xsd (jenkinsci/xunit-plugin 031e285ef3); GitLab's Parsers::Test::Junit,
              and Jenkins, which shows one failure of a case
valgrind-xml  xml-output-protocol4.txt of valgrind 3.19, and what that writes
GitHub        ActionCommand.TryParseV2 (actions/runner 079cdb1d05)
"""
import json
import re
import xml.etree.ElementTree as ElementTree

import jsonschema


def closed(required, **properties):
    return {"type": "object", "required": required.split(), "properties": properties,
            "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
MESSAGE = closed("text", text=TEXT)
WORDS = closed("text", text={"type": "string", "minLength": 1, "maxLength": 1024})
URI = r"^(file:///|(?!/|[^/]*:))([\w.~!$&'()*+,;=@/-]|%[0-9A-F]{2})*$"
ARTIFACT = closed("uri", uri={"type": "string", "format": "uri-reference", "pattern": URI},
                  uriBaseId={"const": "%SRCROOT%"})
LOCATION = closed(
    "", id=COUNT, message=MESSAGE,
    logicalLocations={"type": "array", "uniqueItems": True,
                      "items": closed("", name=TEXT, fullyQualifiedName=TEXT)},
    physicalLocation=closed("artifactLocation", artifactLocation=ARTIFACT,
                            region=closed("", startLine={"type": "integer", "minimum": 1})))
SHOWN = {**LOCATION, "required": ["physicalLocation"]}
STACK = closed("frames", message=MESSAGE,
               frames={"type": "array", "items": closed("", location=LOCATION, module=TEXT)})
FLOW = closed("threadFlows", threadFlows={"type": "array", "minItems": 1, "items": closed(
    "locations", locations={"type": "array", "minItems": 1, "maxItems": 10000,
                            "items": closed("", location=SHOWN)})})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RESULT = closed(
    "message partialFingerprints", ruleId=TEXT, ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL, message=MESSAGE,
    locations={"type": "array", "minItems": 1, "maxItems": 1, "items": SHOWN},
    relatedLocations={"type": "array", "uniqueItems": True, "items": SHOWN},
    stacks={"type": "array", "uniqueItems": True, "items": STACK},
    codeFlows={"type": "array", "items": FLOW},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    properties={"type": "object"})
INVOCATION = closed(
    "executionSuccessful", executionSuccessful={"type": "boolean"},
    processId={"type": "integer", "minimum": 1}, commandLine={"type": "string"},
    exitCode={"type": "integer"}, exitSignalNumber={"type": "integer", "minimum": 1},
    exitSignalName={"type": "string", "pattern": "^SIG[A-Z0-9]+$"},
    toolExecutionNotifications={"type": "array", "items": closed("message", message=MESSAGE,
                                                                 level=LEVEL)})
RULE = closed(
    "id shortDescription fullDescription help", id=TEXT, shortDescription=WORDS,
    name={"type": "string", "pattern": "^([A-Z][a-z]+){2,}$", "maxLength": 255},
    fullDescription=WORDS, help=MESSAGE, defaultConfiguration=closed("level", level=LEVEL),
    properties=closed("precision tags", precision={"enum": ["very-high", "high", "medium", "low"]},
                      tags={"type": "array", "uniqueItems": True, "maxItems": 10, "items": TEXT},
                      **{"problem.severity": {"enum": ["error", "warning", "recommendation"]}}))
BASE = closed("", uri={"type": "string", "pattern": "^file:///([^ ]*/)?$"}, description=MESSAGE)
RUN = closed(
    "tool results", tool=closed("driver", driver=closed("name rules", name=TEXT, version=TEXT,
                                                        rules={"type": "array", "items": RULE,
                                                               "uniqueItems": True})),
    originalUriBaseIds={"type": "object", "additionalProperties": BASE},
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "maxItems": 25000, "items": RESULT})
SARIF = closed("$schema version runs", **{
    "$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"},
    "runs": {"type": "array", "minItems": 1, "maxItems": 20, "items": RUN}})

LINES = closed("begin", begin={"type": "integer", "minimum": 1})
GITLAB = {"type": "array", "items": closed(
    "description check_name fingerprint severity location", description=TEXT, check_name=TEXT,
    fingerprint=TEXT, severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
    content=closed("body", body=TEXT),
    location=closed("path lines", path={"type": "string", "pattern": r"^(?!\./).+"},
                    lines=LINES))}


def unique_keys(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key occurs twice in {keys}")
    return dict(pairs)


def read_json(output, schema):
    """The document; what is wrong with it is raised."""
    document = json.loads(output.decode("utf-8", "strict"), object_pairs_hook=unique_keys)
    jsonschema.Draft7Validator(schema).validate(document)
    return document


def artifacts(value):
    """All artifactLocation objects below `value`."""
    if isinstance(value, dict):
        if "artifactLocation" in value:
            yield value["artifactLocation"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from artifacts(item)


def sarif(output):
    for run in read_json(output, SARIF)["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        if len(rules) != len(set(rules)):
            yield "two rules with one id"
        for result in run["results"]:
            if rules[result["ruleIndex"]] != result["ruleId"]:
                yield f"rule {result['ruleId']} has another number"
            links = set(re.findall(r"\[[a-z]+\]\((\d+)\)", result["message"]["text"]))
            if links != {str(place["id"]) for place in result.get("relatedLocations", [])}:
                yield f"the message's links are {links}"
        for artifact in artifacts(run["results"]):
            base = artifact.get("uriBaseId")
            if base and base not in run["originalUriBaseIds"]:
                yield f"no base {base}"
            if not base and not artifact["uri"].startswith(("file:///", "../")):
                yield f"relative to nothing: {artifact['uri']}"
            if base and {".", ".."} & set(artifact["uri"].split("/")):
                yield f"a path that is not normal: {artifact['uri']}"
        prints = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
        if len(prints) != len(set(prints)):
            yield "two results with one fingerprint"


def gitlab(output):
    prints = [issue["fingerprint"] for issue in read_json(output, GITLAB)]
    if len(prints) != len(set(prints)):
        yield "two findings with one fingerprint"


# Element: its attributes (required ones with a !), and its children as a regular expression.
# The schema allows a case several failures; their readers take one.
JUNIT = {
    "testsuites": ("", "(testsuite )*"),
    "testsuite": ("name! tests! failures! errors!", "(testcase )*"),
    "testcase": ("name! classname! time", "(failure |error )?(system-out )?"),
    "failure": ("type! message!", ""),
    "error": ("type! message!", ""),
    "system-out": ("", ""),
}
VALGRIND_XML = {
    "valgrindoutput": ("", "protocolversion protocoltool preamble pid ppid tool args status "
                           "((error|fatal_signal) )*status (error )*errorcounts suppcounts "),
    "preamble": ("", "(line )+"),
    "args": ("", "vargv argv "),
    "vargv": ("", "exe (arg )*"),
    "argv": ("", "exe (arg )*"),
    "status": ("", "state time "),
    "error": ("", "unique tid kind (what |xwhat )stack (auxwhat |stack )*(suppression )?"),
    "xwhat": ("", "text leakedbytes leakedblocks "),
    "fatal_signal": ("", "tid signo signame sicode (event )?(siaddr )?stack "),
    "stack": ("", "(frame )+"),
    "frame": ("", "ip (obj )?(fn )?(dir )?(file )?(line )?"),
    "suppression": ("", "sname skind (skaux )?(sframe )+rawtext "),
    "sframe": ("", "(obj|fun) "),
    "errorcounts": ("", "(pair )*"),
    "pair": ("", "count unique "),
    "suppcounts": ("", "(pair )*"),
}
KINDS = ("InvalidFree", "MismatchedFree", "Leak_DefinitelyLost", "Leak_IndirectlyLost",
         "Leak_PossiblyLost", "Leak_StillReachable")


def read_xml(output, rules, root):
    element = ElementTree.fromstring(output)
    if element.tag != root:
        yield f"the root is {element.tag}"
    for one in element.iter():
        attributes, children = rules.get(one.tag, ("", ""))
        names = attributes.replace("!", "").split()
        missing = [name[:-1] for name in attributes.split() if name[-1] == "!"
                   and name[:-1] not in one.attrib]
        found = "".join(child.tag + " " for child in one)
        if missing or set(one.attrib) - set(names):
            yield f"<{one.tag}> has {sorted(one.attrib)}"
        if not re.fullmatch(children, found):
            yield f"<{one.tag}> has {found}"


def junit(output):
    yield from read_xml(output, JUNIT, "testsuites")
    for suite in ElementTree.fromstring(output):
        for name, tag in (("tests", None), ("failures", "failure"), ("errors", "error")):
            count = sum(tag is None or case.find(tag) is not None for case in suite)
            if int(suite.get(name)) != count:
                yield f"{name}={suite.get(name)} is not {count}"
        for case in suite:
            if not re.fullmatch(r"[0-9]{0,3}(\.[0-9]*)?|[0-9]{4,}(\.[0-9]*)?", case.get("time")):
                yield f"time={case.get('time')}"
            for problem in case.iter("failure"), case.iter("error"):
                if not all(one.text and one.text.strip() for one in problem):
                    yield "nothing for GitLab to show"


def valgrind_xml(output):
    yield from read_xml(output, VALGRIND_XML, "valgrindoutput")
    root = ElementTree.fromstring(output)
    if (root.findtext("protocolversion"), root.findtext("protocoltool")) != ("4", "memcheck"):
        yield "not protocol 4 of memcheck"
    if [status.findtext("state") for status in root.iter("status")] != ["RUNNING", "FINISHED"]:
        yield "states"
    uniques = [error.findtext("unique") for error in root.iter("error")]
    if len(uniques) != len(set(uniques)):
        yield f"not unique: {uniques}"
    for error in root.iter("error"):
        if error.findtext("kind") not in KINDS:
            yield f"kind {error.findtext('kind')}"
        yield from suppression(error.find("suppression"))


def suppression(element):
    """As protocol 4 has it: the same in pieces and as text."""
    if element is None:
        return
    lines = [line.strip() for line in element.findtext("rawtext").strip().splitlines()]
    pieces = [element.findtext("skind")] + [
        f"{frame[0].tag}:{frame[0].text}" for frame in element.findall("sframe")]
    if element.find("skaux") is not None:
        pieces.insert(1, element.findtext("skaux"))
    if [lines[0], lines[-1]] != ["{", "}"]:
        yield f"a suppression in {lines[0]} and {lines[-1]}"
    if [re.sub(r"[^ -~]", "?", line) for line in lines[2:-1] if line != "..."] != [
            re.sub(r"[^ -~]", "?", piece) for piece in pieces]:
        yield f"a suppression of {pieces} and {lines}"


def unescape(text, tokens):
    for token in tokens:
        text = text.replace(f"%{ord(token):02X}", token)
    return text


def runner_command(line):
    """What GitHub's runner makes of a line: the command's name, its properties and its data; None
    if it takes it for text."""
    if not line.lstrip().startswith("::"):
        return None
    info, found, data = line.lstrip()[2:].partition("::")
    name, _, properties = info.partition(" ")
    if not found or name not in ("error", "warning", "notice"):
        return None
    pairs = [pair.split("=", 1) for pair in properties.strip().split(",") if pair]
    values = {pair[0].lower(): unescape(pair[1], "\r\n:,%") for pair in pairs if len(pair) == 2}
    return name, values, unescape(data, "\r\n%")


def github(output):
    for line in output.decode("utf-8", "strict").split("\n")[:-1]:
        name, properties, data = runner_command(line) or (None, {}, "")
        if name is None:
            yield f"no workflow command: {line[:200]}"
        if set(properties) - {"file", "line", "title"} or "title" not in properties:
            yield f"properties {sorted(properties)}"
        if ("file" in properties) != ("line" in properties) or not data.strip():
            yield f"a place or text is missing: {line[:200]}"
        if not re.fullmatch("[1-9][0-9]*", properties.get("line", "1")):
            yield f"line {properties['line']}"


def valgrind(output):
    for line in output.decode("utf-8", "strict").splitlines():
        if not re.match(r"==\d+== ", line):
            yield f"no line of valgrind's: {line[:200]}"


RULES = {"sarif": sarif, "gitlab": gitlab, "junit": junit, "valgrind-xml": valgrind_xml,
         "github": github, "valgrind": valgrind}


def problems(form, output):
    """What is wrong with `output`, bytes of a format; a format without rules has no problems."""
    try:
        return list(RULES.get(form, lambda _: ())(output))
    except (ValueError, jsonschema.ValidationError, ElementTree.ParseError) as error:
        return [f"{form}: {str(error)[:500]}"]
