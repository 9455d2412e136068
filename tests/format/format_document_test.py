#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/trace-format.md against reality: its example is a trace that decodes to what the text says,
its tables hold the constants of trace_format.h."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import decode_trace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import surroundings  # noqa: E402,F401

REPORT, SOURCE = sys.argv[1:3]


def read_text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


DOCUMENT = read_text("docs/trace-format.md")
EXAMPLE = DOCUMENT[DOCUMENT.index("## Example"):]


def hexdump_bytes(text):
    data, fill = bytearray(), False
    for line in text.splitlines():
        if line == "*":
            fill = True
            continue
        offset = int(line[:8], 16)
        if fill:
            data += bytes(offset - len(data))
            fill = False
        if offset != len(data):
            raise ValueError("hex dump: gap before %s" % line)
        data += bytes.fromhex(line[8:].split("|")[0])
    return bytes(data)


def expected_values():
    for key, value in re.findall(r"^\| ((?:process|summary)\.\w+) \| (.+) \|$", EXAMPLE, re.M):
        yield key, json.loads(value)


class FormatDocument(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = hexdump_bytes(re.search(r"```hexdump\n(.*?)```", EXAMPLE, re.S).group(1))
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "example.vmt")
        with open(cls.path, "wb") as file:
            file.write(cls.data)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_record_table_covers_every_byte_of_the_chunk(self):
        rows = re.findall(r"^\| ([0-9a-f]{4}) \| ([0-9a-f ]+) \|", EXAMPLE, re.M)
        position = 256 + 32
        for offset, text in rows:
            content = bytes.fromhex(text)
            self.assertEqual(int(offset, 16), position)
            self.assertEqual(self.data[position:position + len(content)], content)
            position += len(content)
        self.assertEqual(position, len(self.data))

    def test_report_gives_the_values_of_the_text(self):
        output = subprocess.run([REPORT, "--format=json", self.path], check=True,
                                stdout=subprocess.PIPE).stdout
        report = json.loads(output)
        values = dict(expected_values())
        self.assertGreater(len(values), 10)
        for key, value in values.items():
            section, name = key.split(".")
            self.assertEqual(report[section][name], value, key)

    def test_independent_decoder_gives_the_values_of_the_text(self):
        totals = decode_trace.totals(self.path)
        compared = [key.split(".")[1] for key, _ in expected_values()]
        compared = [name for name in compared if name in totals]
        self.assertGreater(len(compared), 7)
        for key, value in expected_values():
            if key.split(".")[1] in totals:
                self.assertEqual(totals[key.split(".")[1]], value, key)

    def test_decoder_refuses_a_record_cut_by_the_end_of_the_file(self):
        with open(self.path + ".cut", "wb") as file:
            file.write(self.data[:0x1b0])
        with self.assertRaises(decode_trace.Malformed):
            decode_trace.totals(self.path + ".cut")

    def test_opcodes_are_those_of_the_header_file(self):
        header = read_text("include/vmtrace/trace_format.h")
        cold = {name: int(value, 16) for name, value
                in re.findall(r"VMT_OP_(\w+) =\s+0x([0-9a-f]+)", header)}
        self.assertEqual({opcode: name for name, opcode in cold.items()},
                         {opcode: name for opcode, (name, _) in decode_trace.COLD.items()})
        table = DOCUMENT[DOCUMENT.index("## Cold records"):DOCUMENT.index("## Meaning")]
        for opcodes, names in re.findall(r"^\| ((?:[0-9a-f]{2}(?:, )?)+) \| ([A-Z_, ]+) \|", table,
                                         re.M):
            for opcode, name in zip(opcodes.split(", "), names.split(", ")):
                self.assertEqual(cold.pop(name), int(opcode, 16), name)
        self.assertEqual(cold, {}, "opcodes that the document lacks")

    def test_kinds_are_those_of_the_header_file(self):
        header = read_text("include/vmtrace/trace_format.h")
        kinds = re.search(r"enum vmt_kind \{(.*?)\};", header, re.S).group(1)
        kinds = {int(value): name for name, value in re.findall(r"VMT_(\w+) = (\d+)", kinds)}
        self.assertEqual(kinds, decode_trace.KINDS)
        table = DOCUMENT[DOCUMENT.index("## Hot records"):DOCUMENT.index("## Cold records")]
        rows = {int(value): name
                for value, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", table, re.M)}
        self.assertEqual(rows, kinds)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
