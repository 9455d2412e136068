/* SPDX-License-Identifier: Apache-2.0 */
/* The list of live blocks is read from the process's own records, as docs/trace-format.md has
 * them; what it does not follow, or is cut off anywhere, it does not guess. */
#include <stdlib.h>

#include "live_blocks.h"
#include "unit_main.h"
#include "vmtrace/wire.h"

#define HEAP UINT64_C(0x555500001000)

static uint8_t bytes[2 * LIVE_BLOCKS_RECORDS];
static uint8_t *end;
static uint64_t last; /* address */
static struct live_blocks blocks;

static void begin(void)
{
    end = bytes;
    last = 0;
}

static void put(uint64_t number)
{
    end = vmt_put_varint(end, number);
}

static void put_opcode(enum vmt_kind kind, unsigned flags)
{
    *end++ = (uint8_t)(VMT_HOT | (unsigned)kind << VMT_HOT_KIND_SHIFT | flags);
}

static void put_address(uint64_t address, uint64_t base)
{
    put(vmt_address_delta(address, base));
    last = address;
}

/* Of a node that is not in its slot. */
static void put_alloc(enum vmt_kind kind, uint32_t node, uint64_t address, uint64_t size)
{
    put_opcode(kind, 0);
    put(size);
    put((uint64_t)node << 1);
    put_address(address, last);
}

static void put_again(uint32_t node, uint64_t address, uint64_t slot_address)
{
    put_opcode(VMT_MALLOC, VMT_HOT_STACK);
    *end++ = (uint8_t)VMT_SLOT_OF(node);
    put_address(address, slot_address);
}

static void put_free(uint64_t address)
{
    put_opcode(VMT_FREE, 0);
    put_address(address, last);
}

static void put_cold(uint8_t opcode, const uint8_t *payload, size_t size)
{
    *end++ = opcode;
    put(size);
    memcpy(end, payload, size);
    end += size;
}

static bool read_all(void)
{
    return live_blocks_read(&blocks, bytes, end);
}

static void check_block(size_t index, uint64_t start, uint64_t size)
{
    ck_assert_uint_lt(index, blocks.count);
    ck_assert_uint_eq(blocks.blocks[index].start, start);
    ck_assert_uint_eq(blocks.blocks[index].size, size);
    ck_assert_int_eq(live_blocks_find(&blocks, start), (long)index);
}

START_TEST(follows_allocations_and_releases)
{
    static const uint8_t name[] = {0, 5, 3, 'a', 'b', 'c'};
    begin();
    put_cold(VMT_OP_THREAD_NAME, name, sizeof(name));
    put_alloc(VMT_MALLOC, 2, HEAP + 64, 40);
    put_again(2, HEAP + 128, HEAP + 64);
    put_alloc(VMT_NEW, 3, HEAP, 7);
    put_free(HEAP + 64);
    ck_assert(read_all());
    ck_assert_uint_eq(blocks.count, 2);
    check_block(0, HEAP, 7);
    check_block(1, HEAP + 128, 40);
    ck_assert_int_eq(live_blocks_find(&blocks, HEAP + 64), -1);
    ck_assert_int_eq(live_blocks_find(&blocks, HEAP + 129), -1);
}
END_TEST

START_TEST(follows_other_kinds)
{
    begin();
    put_opcode(VMT_NODES, 0);
    put(0);
    put(2);
    put(vmt_zigzag(4096));
    put(vmt_zigzag(-5));
    put_alloc(VMT_MALLOC, 2, HEAP, 10);
    put_opcode(VMT_REALLOC_BEGIN, VMT_HOT_TIME | VMT_HOT_FAULTS);
    put(100); /* ticks */
    put(3);   /* minor */
    put(0);   /* major */
    put_address(HEAP, last);
    put_alloc(VMT_REALLOC, 3, HEAP + 256, 20);
    put_opcode(VMT_ALLOC_OTHER, 0);
    *end++ = VMT_SUB_POSIX_MEMALIGN;
    *end++ = 8;
    put(30);
    put(4 << 1);
    put_address(HEAP + 512, last);
    put_opcode(VMT_ALLOC_FAILED, 0);
    *end++ = VMT_MALLOC;
    put(UINT64_C(1) << 60);
    put(5 << 1);
    put_opcode(VMT_FREE_OTHER, VMT_HOT_STACK);
    *end++ = VMT_SUB_FREE_SIZED;
    put_address(HEAP + 256, last);
    put(5 << 1);
    ck_assert(read_all());
    ck_assert_uint_eq(blocks.count, 1);
    check_block(0, HEAP + 512, 30);
}
END_TEST

/* A stack that is told anew forgets the size and address of the one that had its slot. */
START_TEST(empties_slots)
{
    begin();
    put_alloc(VMT_MALLOC, 2, HEAP, 10);
    put_alloc(VMT_MALLOC, 2 + VMT_SLOTS, HEAP + 64, 20);
    /* Details of a fault: new code, address, stack of node 2. */
    static const uint8_t faults[] = {0, 1, 0, VMT_FAULT_STACK, 8, 8, 2 << 1};
    put_cold(VMT_OP_FAULTS, faults, sizeof(faults));
    put_again(2, HEAP + 128, last);
    ck_assert(read_all());
    check_block(2, HEAP + 128, 0);
}
END_TEST

START_TEST(refuses_what_it_does_not_follow)
{
    static const uint8_t payload[] = {0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t opcodes[] = {
        VMT_OP_MAP,         VMT_OP_BREAK,        VMT_OP_POOL_ALLOC, VMT_OP_PAUSE,
        VMT_OP_NODES_RESET, VMT_OP_IGNORE_BEGIN, VMT_OP_LOST,       0x7f};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        begin();
        put_cold(opcodes[i], payload, sizeof(payload));
        ck_assert_msg(!read_all(), "opcode %u", opcodes[i]);
    }
    begin();
    put_free(HEAP); /* of no block that is known */
    ck_assert(!read_all());
    begin();
    put_alloc(VMT_MALLOC, 2, HEAP, 65); /* they overlap */
    put_alloc(VMT_MALLOC, 3, HEAP + 64, 1);
    ck_assert(!read_all());
    begin();
    put_alloc(VMT_MALLOC, 2, UINT64_MAX - 15, 16);
    ck_assert(!read_all());
}
END_TEST

START_TEST(refuses_too_many)
{
    begin();
    for (uint32_t i = 0; i < LIVE_BLOCKS_MOST; i++)
        put_alloc(VMT_MALLOC, 2 + i, HEAP + 64 * i, 64);
    ck_assert(read_all());
    ck_assert_uint_eq(blocks.count, LIVE_BLOCKS_MOST);
    put_alloc(VMT_MALLOC, 2, HEAP + 64 * LIVE_BLOCKS_MOST, 64);
    ck_assert(!read_all());
    begin();
    while (end - bytes <= LIVE_BLOCKS_RECORDS) {
        put_alloc(VMT_MALLOC, 2, HEAP, 64);
        put_free(HEAP);
    }
    ck_assert(!read_all());
}
END_TEST

/* Wherever it is cut, and whatever stands there, it ends, and reads no byte behind its end. */
START_TEST(bears_any_bytes)
{
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)(rand() % 200);
        uint8_t *copy = malloc(size + 1); /* sanitizers watch its end */
        for (size_t i = 0; i < size; i++)
            copy[i] = (uint8_t)(rand() % 4 ? rand() % 16 : 128 + rand() % 128);
        if (live_blocks_read(&blocks, copy, copy + size)) {
            for (size_t i = 1; i < blocks.count; i++)
                ck_assert_uint_lt(blocks.blocks[i - 1].start, blocks.blocks[i].start);
        }
        free(copy);
    }
}
END_TEST

UNIT_MAIN("live_blocks", follows_allocations_and_releases, follows_other_kinds, empties_slots,
          refuses_what_it_does_not_follow, refuses_too_many, bears_any_bytes)
