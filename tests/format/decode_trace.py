#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decodes a vmtrace trace, written from docs/trace-format.md alone.

It shares no code with the recorder or the analyzer, so that it can judge both.  Slow, strict
(anything that the specification does not allow is an error) and without symbols.

    decode_trace.py TRACE              totals, as JSON
    decode_trace.py --events TRACE     one line per record, stream by stream
"""
import argparse
import heapq
import json
import math
import struct
import sys

HEADER = struct.Struct("<8s8I7Q2IQ2I4Q")
CHUNK = struct.Struct("<IIIIQII")
MAGIC = b"\x89VMT\r\n\x1a\n"
CHUNK_MAGIC = 0x43544D56
SLOTS = 128
FAULT_SLOTS = 64

KINDS = {0: "FREE", 1: "MALLOC", 2: "CALLOC", 3: "REALLOC", 4: "NEW", 5: "NEW_ARRAY",
         6: "DELETE", 7: "DELETE_ARRAY", 8: "REALLOC_BEGIN", 9: "ALLOC_OTHER", 10: "FREE_OTHER",
         11: "ALLOC_FAILED", 12: "REALLOC_FAILED", 13: "REALLOC_FREED", 15: "NODES"}
PLAIN_ALLOCATIONS = {"MALLOC", "CALLOC", "REALLOC", "NEW", "NEW_ARRAY"}
ALLOCATIONS = PLAIN_ALLOCATIONS | {"ALLOC_OTHER"}
RELEASES = {"FREE", "DELETE", "DELETE_ARRAY", "FREE_OTHER"}

# Fields of cold records: v a varint, o one that older recorders did not write (then None), z a
# zigzag varint, s a string, k a stack, f details of faults, p runs of pages.
COLD = {
    0x01: ("CLOCK", "v"), 0x02: ("THREAD", "v"), 0x03: ("THREAD_NAME", "vs"),
    0x04: ("NODES_RESET", ""), 0x05: ("MODULE_LOAD", "vvvssv"), 0x06: ("MODULE_UNLOAD", "v"),
    0x07: ("FACT", "ss"), 0x08: ("ARGUMENT", "vs"), 0x09: ("MEMORY_SAMPLE", "vvvvvvo"),
    0x0A: ("PHASE_BEGIN", "s"), 0x0B: ("PHASE_END", "s"), 0x0C: ("PAUSE", ""),
    0x0D: ("RESUME", ""), 0x0E: ("SNAPSHOT", "s"), 0x10: ("MAP", "vvvvvvks"),
    0x11: ("UNMAP", "vvvk"), 0x12: ("UNMAP_FAILED", ""), 0x13: ("REMAP_BEGIN", "vv"),
    0x14: ("REMAP_END", "vvk"), 0x15: ("BREAK", "vvk"), 0x16: ("ADVISE", "vvvk"),
    0x18: ("POOL", "vs"), 0x19: ("POOL_ALLOC", "vvvk"), 0x1A: ("POOL_RESIZE", "vvvvk"),
    0x1B: ("POOL_FREE", "vvk"), 0x1C: ("POOL_CLEAR", "vk"), 0x20: ("FORK", "v"),
    0x21: ("EXEC", "s"), 0x22: ("EXEC_FAILED", "v"), 0x23: ("CRASH", "vzvkr"),
    0x24: ("END", "vvvvvvv"), 0x25: ("LOST", "vv"), 0x26: ("FAULT_SOURCE", "v"),
    0x27: ("TEMPORARY", "v"), 0x28: ("STACK", "vv"), 0x29: ("FAULTS", "vvf"),
    0x2A: ("RESIDENCY", "vvvvvvs"), 0x2B: ("REGION", "vvvvvvvvvvvvvvvvs"), 0x2C: ("PAGES", "vvp"),
    0x2D: ("RESIDENCY_END", "vvvvvv"), 0x2E: ("SCAN", "vvvvvs"), 0x2F: ("SCAN_THREAD", "vvvvr"),
    0x30: ("POINTERS", "w"), 0x31: ("SCAN_END", "vvvvvv"),
    0x34: ("IGNORE_BEGIN", ""), 0x35: ("IGNORE_END", ""), 0x36: ("IGNORE_OBJECT", "v"),
    0x37: ("ROOT_REGION", "vv"), 0x38: ("ROOT_REGION_END", "vv"), 0x39: ("UNFOLLOWED", "vvs"),
}


class Malformed(Exception):
    pass


class Cursor:
    """Bytes of one chunk or one payload; never reads past its end."""

    def __init__(self, data, position=0):
        self.data, self.position = data, position

    def byte(self):
        if self.position >= len(self.data):
            raise Malformed("cut off at byte %d" % self.position)
        self.position += 1
        return self.data[self.position - 1]

    def ended(self):
        return self.position == len(self.data)

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if value >= 1 << 64:
            raise Malformed("varint over 64 bits")
        return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def bytes(self, count):
        if count > len(self.data) - self.position:
            raise Malformed("string of %d bytes is cut off" % count)
        self.position += count
        return self.data[self.position - count:self.position]


class Stream:
    """Decodes the chunks of one stream, in order."""

    def __init__(self, number, page_size):
        self.number, self.chunks, self.page_size = number, [], page_size
        self.nodes = {}  # number -> (parent, pc)
        self.next_node = 2

    def records(self):
        """Yields (ticks, name, fields); `fields` of hot records is a dict."""
        for expected, (sequence, header, data) in enumerate(sorted(self.chunks)):
            if sequence != expected:
                raise Malformed("stream %d: chunk %d is missing" % (self.number, expected))
            self.sequence = sequence  # of the chunk that the next records are in
            self.ticks, next_node = header[4], header[5]
            if expected and next_node != self.next_node:
                raise Malformed("stream %d: next_node of chunk %d" % (self.number, sequence))
            self.next_node = next_node
            self.begin()
            yield from self.chunk(Cursor(data))

    def begin(self):
        self.slots = [(0, 0, 0)] * SLOTS  # node, size, address
        self.last_address = self.last_pc = 0
        self.fault_slots = [(0, 0)] * FAULT_SLOTS  # code, address
        self.next_fault_slot = self.last_code = self.last_fault = 0

    def chunk(self, cursor):
        while cursor.position < len(cursor.data):
            opcode = cursor.byte()
            if opcode == 0:
                return
            if opcode >= 0x80:
                record = self.hot(opcode, cursor)
            else:
                record = self.cold(opcode, cursor)
            yield record

    def stack(self, cursor):
        reference = cursor.varint()
        if reference & 1:
            return self.slots[reference >> 1][0]
        node = reference >> 1
        if node >= self.next_node:
            raise Malformed("node %d is not defined" % node)
        self.slots[node % SLOTS] = (node, 0, 0)
        return node

    def address(self, cursor, base):
        value = cursor.varint()
        delta = (value >> 1) >> 1 ^ -((value >> 1) & 1)
        return (base + (delta if value & 1 else 16 * delta)) % (1 << 64)

    def hot(self, opcode, cursor):
        if opcode >> 3 & 15 not in KINDS:
            raise Malformed("hot record of kind %d" % (opcode >> 3 & 15))
        name = KINDS[opcode >> 3 & 15]
        fields = {}
        if opcode & 4:
            self.ticks += cursor.varint()
        if opcode & 2:
            fields["minor"], fields["major"] = cursor.varint(), cursor.varint()
        has_stack = opcode & 1
        if name == "NODES":
            self.define_nodes(cursor)
        elif name in ALLOCATIONS:
            self.allocation(name, has_stack, cursor, fields)
        elif name in RELEASES or name == "REALLOC_BEGIN":
            if name == "FREE_OTHER":
                fields["subkind"] = cursor.byte()
            fields["address"] = self.address(cursor, self.last_address)
            self.last_address = fields["address"]
            if has_stack:
                fields["stack"] = self.stack(cursor)
        elif name == "ALLOC_FAILED":
            fields["kind"] = cursor.byte()
            fields["size"], fields["stack"] = cursor.varint(), self.stack(cursor)
        elif name == "REALLOC_FAILED":
            fields["size"], fields["stack"] = cursor.varint(), self.stack(cursor)
        return self.ticks, name, fields

    def allocation(self, name, in_slot, cursor, fields):
        if in_slot:
            node, size, base = self.slots[cursor.byte()]
        else:
            if name == "ALLOC_OTHER":
                fields["subkind"], fields["alignment"] = cursor.byte(), 1 << cursor.byte()
            size = cursor.varint()
            node = self.stack(cursor)
            base = self.slots[node % SLOTS][2]
        address = self.address(cursor, base or self.last_address)
        self.slots[node % SLOTS] = (node, size, address)
        self.last_address = address
        fields.update(address=address, size=size, stack=node)

    def define_nodes(self, cursor):
        parent, count = cursor.varint(), cursor.varint()
        if parent >= self.next_node:
            raise Malformed("parent node %d is not defined" % parent)
        if not 1 <= count <= 4096:
            raise Malformed("%d nodes" % count)
        for _ in range(count):
            self.last_pc = (self.last_pc + cursor.zigzag()) % (1 << 64)
            self.nodes[self.next_node] = (parent, self.last_pc)
            parent = self.next_node
            self.next_node += 1

    def faults(self, cursor):
        """A tuple of (address, code, is_major, is_kernel, stack or None)."""
        found = []
        while cursor.position < len(cursor.data):
            head = cursor.varint()
            slot = (head >> 3) - 1
            if slot >= FAULT_SLOTS:
                raise Malformed("fault slot %d" % slot)
            if slot < 0:
                slot = self.next_fault_slot
                self.last_code = (self.last_code + cursor.zigzag()) % (1 << 64)
                self.fault_slots[slot] = (self.last_code, self.last_fault)
                self.next_fault_slot = (slot + 1) % FAULT_SLOTS
            code, base = self.fault_slots[slot]
            self.last_fault = (base + self.page_size + cursor.zigzag()) % (1 << 64)
            self.fault_slots[slot] = (code, self.last_fault)
            stack = self.stack(cursor) if head & 4 else None
            found.append((self.last_fault, code, bool(head & 1), bool(head & 2), stack))
        return tuple(found)

    @staticmethod
    def runs(cursor):
        """A tuple of (pages, bits)."""
        found = []
        while cursor.position < len(cursor.data):
            value = cursor.varint()
            found.append((value >> 4, value & 15))
        return tuple(found)

    @staticmethod
    def numbers(cursor):
        found = []
        while cursor.position < len(cursor.data):
            found.append(cursor.varint())
        return tuple(found)

    def pointers(self, cursor):
        """A tuple of (location, kind, value): kind "pointer", "table" or, about the pointer
        before, "word" (8 bytes before its target) or "capacity"."""
        found = []
        location = last = cursor.varint()
        while cursor.position < len(cursor.data):
            head = cursor.varint()
            location += 8 * (head >> 2)
            kind = head & 3
            if kind < 2:
                last = self.address(cursor, location if kind else last)
                found.append((location, "pointer", last))
            elif kind == 2:
                found.append((location, "table", 0))
            elif head >> 2 or not found:
                raise Malformed("entry of POINTERS with head %d" % head)
            else:
                value = cursor.varint()
                found.append((location, "capacity" if value & 1 else "word", value >> 1))
        return tuple(found)

    def cold(self, opcode, cursor):
        payload = Cursor(cursor.bytes(cursor.varint()))
        self.ticks += payload.varint()
        if opcode not in COLD:
            return self.ticks, "opcode 0x%02x" % opcode, ()
        name, form = COLD[opcode]
        readers = {"v": payload.varint, "o": lambda: None if payload.ended() else payload.varint(),
                   "z": payload.zigzag, "k": lambda: self.stack(payload),
                   "f": lambda: self.faults(payload), "p": lambda: self.runs(payload),
                   "r": lambda: self.numbers(payload), "w": lambda: self.pointers(payload),
                   "s": lambda: payload.bytes(payload.varint()).decode("utf-8", "replace")}
        fields = tuple(readers[kind]() for kind in form)
        if name == "NODES_RESET":
            self.nodes, self.next_node = {}, 2
            self.begin()
        return self.ticks, name, fields


def read(path):
    """The file header as a dict, and the streams by number."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < HEADER.size or data[:8] != MAGIC:
        raise Malformed("not a vmtrace trace")
    values = HEADER.unpack_from(data)
    names = ("magic version header_size chunk_size page_size machine clock pid ppid trace_id "
             "parent_trace_id start_realtime_ns start_monotonic_ns start_ticks start_boottime_ns "
             "boot_id flags fault_source lost_events end_state end_status ticks_per_second "
             "sample_interval space_end lost_children").split()
    header = dict(zip(names, values))
    if header["version"] != 1:
        raise Malformed("version %d" % header["version"])
    streams = {}
    size = header["chunk_size"]
    for begin in range(0, len(data), size):
        start = begin or header["header_size"]
        if len(data) - start < CHUNK.size:
            break
        chunk = CHUNK.unpack_from(data, start)
        if not any(chunk):
            continue
        if chunk[0] != CHUNK_MAGIC:
            raise Malformed("no chunk at offset %d" % start)
        stream = streams.setdefault(chunk[1], Stream(chunk[1], header["page_size"]))
        stream.chunks.append((chunk[2], chunk, data[start + CHUNK.size:begin + size]))
    return header, streams


class Heap:
    """Live blocks and totals, by the rules of the specification's section on meaning."""

    def __init__(self, interval=0):
        self.interval = interval  # of sampling
        self.live = {}
        self.pending = {}  # stream -> (address, size or None) of its last REALLOC_BEGIN
        self.totals = dict.fromkeys(
            "allocations frees bytes_allocated unknown_frees failed events nodes_records "
            "minor_attributed major_attributed variance".split(), 0)

    def weight(self, size):
        """How many blocks a recorded one stands for."""
        return -1 / math.expm1(-max(size, 1) / self.interval) if self.interval else 1

    def apply(self, stream, name, fields):
        totals = self.totals
        totals["events"] += 1
        if isinstance(fields, dict):
            totals["minor_attributed"] += fields.get("minor", 0)
            totals["major_attributed"] += fields.get("major", 0)
        elif name == "FAULTS":
            totals["minor_attributed"] += fields[0]
            totals["major_attributed"] += fields[1]
        if name in ALLOCATIONS:
            if fields["address"] in self.live:
                raise Malformed("block 0x%x was handed out twice" % fields["address"])
            self.live[fields["address"]] = fields["size"]
            weight = self.weight(fields["size"])
            totals["allocations"] += weight
            totals["bytes_allocated"] += weight * fields["size"]
            totals["variance"] += (weight - 1) * weight * fields["size"] ** 2
            if stream in self.pending and (name == "REALLOC" or fields.get("subkind") == 6):
                self.released(self.pending.pop(stream)[1])
        elif name in RELEASES:
            self.released(self.live.pop(fields["address"], None))
        elif name == "REALLOC_BEGIN":
            self.pending[stream] = (fields["address"], self.live.pop(fields["address"], None))
        elif name == "REALLOC_FREED":
            self.released(self.pending.pop(stream)[1])
        elif name in ("ALLOC_FAILED", "REALLOC_FAILED"):
            totals["failed"] += 1
            if name == "REALLOC_FAILED" and stream in self.pending:
                address, size = self.pending.pop(stream)
                if size is not None:
                    self.live[address] = size
        elif name == "NODES":
            totals["nodes_records"] += 1

    def released(self, size):
        if size is None:
            self.totals["unknown_frees"] += 1
        else:
            self.totals["frees"] += self.weight(size)


def totals(path):
    header, streams = read(path)
    heap = Heap(header["sample_interval"])
    end = None

    def keyed(stream):
        for order, (ticks, name, fields) in enumerate(stream.records()):
            yield ticks, stream.number, order, name, fields

    threads = set()
    for _, number, _, name, fields in heapq.merge(*map(keyed, streams.values())):
        heap.apply(number, name, fields)
        if name == "END":
            end = fields
        elif name == "THREAD":
            threads.add(fields[0])
    result = dict(heap.totals)
    result.update(pid=header["pid"], lost_events=header["lost_events"], streams=len(streams),
                  threads=len(threads), end_state=header["end_state"],
                  live_bytes_at_end=sum(size * heap.weight(size) for size in heap.live.values()),
                  live_blocks_at_end=sum(map(heap.weight, heap.live.values())),
                  nodes=sum(len(stream.nodes) for stream in streams.values()))
    if end:
        result.update(exit_status=end[1], minor_faults=end[2], major_faults=end[3])
    return result


def print_events(path):
    header, streams = read(path)
    print(json.dumps({**header, "magic": header["magic"].hex()}))
    for number in sorted(streams):
        print("stream %d" % number)
        for ticks, name, fields in streams[number].records():
            print("  %d %s %s" % (ticks, name, fields))


def main():
    parser = argparse.ArgumentParser(description="Decode a vmtrace trace.")
    parser.add_argument("--events", action="store_true", help="print every record")
    parser.add_argument("trace")
    arguments = parser.parse_args()
    try:
        if arguments.events:
            print_events(arguments.trace)
        else:
            print(json.dumps(totals(arguments.trace), indent=2))
    except Malformed as error:
        sys.exit("%s: %s" % (arguments.trace, error))


if __name__ == "__main__":
    main()
