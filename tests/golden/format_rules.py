# SPDX-License-Identifier: Apache-2.0
"""What other programs demand of the formats that they read, as far as these use it.

Written from the published schemas and documents: SARIF 2.1.0 (OASIS), GitLab's code quality
report, junit-10.xsd of Jenkins' xUnit plugin, valgrind's xml-output-protocol4.txt, GitHub's
workflow commands.  Each rule set is closed: a member or element that it does not name is an error.
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
ARTIFACT = closed("uri", uri={"type": "string", "pattern": "^([^:/?#]+|file|/.*)([/].*)?$",
                              "format": "uri-reference"},
                  uriBaseId=TEXT)
LOCATION = closed(
    "", logicalLocations={"type": "array", "uniqueItems": True,
                          "items": closed("", name=TEXT, fullyQualifiedName=TEXT)},
    physicalLocation=closed("artifactLocation", artifactLocation=ARTIFACT,
                            region=closed("", startLine={"type": "integer", "minimum": 1})))
STACK = closed("frames", message=MESSAGE,
               frames={"type": "array", "items": closed("", location=LOCATION, module=TEXT)})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RESULT = closed(
    "message", ruleId=TEXT, ruleIndex={"type": "integer", "minimum": -1}, level=LEVEL,
    message=MESSAGE, locations={"type": "array", "items": LOCATION},
    stacks={"type": "array", "uniqueItems": True, "items": STACK},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    properties={"type": "object"})
INVOCATION = closed(
    "executionSuccessful", executionSuccessful={"type": "boolean"}, processId=COUNT,
    commandLine={"type": "string"},
    toolExecutionNotifications={"type": "array", "items": closed("message", message=MESSAGE,
                                                                 level=LEVEL)})
RULE = closed("id", id=TEXT, shortDescription=MESSAGE)
RUN = closed(
    "tool", tool=closed("driver", driver=closed("name", name=TEXT, version=TEXT, rules={
        "type": "array", "uniqueItems": True, "items": RULE})),
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "items": RESULT})
SARIF = closed("version runs", **{
    "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
    "runs": {"type": "array", "items": RUN}})

GITLAB = {"type": "array", "items": closed(
    "description check_name fingerprint severity location", description=TEXT, check_name=TEXT,
    fingerprint=TEXT, severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
    content=closed("body", body=TEXT),
    location=closed("path lines", path=TEXT, lines=closed("begin", begin={"type": "integer",
                                                                         "minimum": 1})))}


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


def sarif(output):
    for run in read_json(output, SARIF)["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            if rules[result["ruleIndex"]] != result["ruleId"]:
                yield f"rule {result['ruleId']} has another number"
        for result in run["results"]:
            for location in result.get("locations", []):
                artifact = location.get("physicalLocation", {}).get("artifactLocation", {})
                if artifact.get("uri", "").startswith("/") and "uriBaseId" in artifact:
                    yield "an absolute path below a base"
        prints = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
        if len(prints) != len(set(prints)):
            yield "two results with one fingerprint"


def gitlab(output):
    prints = [issue["fingerprint"] for issue in read_json(output, GITLAB)]
    if len(prints) != len(set(prints)):
        yield "two findings with one fingerprint"


# Element: its attributes (required ones with a !), and its children as a regular expression.
JUNIT = {
    "testsuites": ("", "(testsuite )*"),
    "testsuite": ("name! tests! failures! errors!", "(testcase )*"),
    "testcase": ("name! classname time", "((skipped|error|failure|system-out|system-err) )*"),
    "failure": ("type message", ""),
    "error": ("type message", ""),
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
    "error": ("", "unique tid kind (what |xwhat )(stack )(auxwhat stack )*"),
    "xwhat": ("", "text leakedbytes leakedblocks "),
    "fatal_signal": ("", "tid signo signame sicode (event )?(siaddr )?stack "),
    "stack": ("", "(frame )+"),
    "frame": ("", "ip (obj )?(fn )?(dir )?(file )?(line )?"),
    "errorcounts": ("", "(pair )*"),
    "pair": ("", "count unique "),
    "suppcounts": ("", "(pair )*"),
}


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


def valgrind_xml(output):
    yield from read_xml(output, VALGRIND_XML, "valgrindoutput")
    root = ElementTree.fromstring(output)
    if (root.findtext("protocolversion"), root.findtext("protocoltool")) != ("4", "memcheck"):
        yield "not protocol 4 of memcheck"
    if [status.findtext("state") for status in root.iter("status")] != ["RUNNING", "FINISHED"]:
        yield "states"


COMMAND = re.compile(r"::(error|warning|notice) ((file|line|title)=[^,:]+(,|(?=::)))+::[^\r\n]+")


def github(output):
    text = output.decode("utf-8", "strict")
    for line in text.splitlines():
        if not COMMAND.fullmatch(line):
            yield f"no workflow command: {line[:200]}"


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
