/* SPDX-License-Identifier: Apache-2.0 */
/* fault_codes.h, judged by a reader that is written from docs/trace-format.md, "Page faults". */
#include "fault_codes.h"

#include "unit_main.h"
#include "vmtrace/wire.h"

#include <unistd.h>

enum { FAULTS = 4000 };

struct reader {
    uint64_t code[VMT_FAULT_SLOTS], address[VMT_FAULT_SLOTS], last_code, last_address;
    unsigned next;
};

struct detail {
    uint64_t bits, code, address;
};

static uint64_t number(const uint8_t **in, const uint8_t *end)
{
    uint64_t value = 0;
    ck_assert(vmt_get_varint(in, end, &value));
    return value;
}

static struct detail read_detail(struct reader *reader, const uint8_t **in, const uint8_t *end)
{
    uint64_t head = number(in, end), slot = head >> VMT_FAULT_CODE_SHIFT;
    ck_assert_uint_le(slot, VMT_FAULT_SLOTS);
    if (slot-- == 0) {
        slot = reader->next;
        reader->next = (reader->next + 1) % VMT_FAULT_SLOTS;
        reader->last_code += (uint64_t)vmt_unzigzag(number(in, end));
        reader->code[slot] = reader->last_code;
        reader->address[slot] = reader->last_address;
    }
    uint64_t distance = (uint64_t)vmt_unzigzag(number(in, end));
    reader->address[slot] += (uint64_t)getpagesize() + distance;
    reader->last_address = reader->address[slot];
    return (struct detail){head & 7, reader->code[slot], reader->address[slot]};
}

static uint8_t bytes[FAULTS * FAULT_CODES_MOST];

/* Writes and reads `wanted`; the bytes that it took. */
static size_t check_round_trip(const struct detail *wanted, size_t count)
{
    static struct fault_codes codes;
    static struct reader reader;
    memset(&codes, 0, sizeof(codes));
    memset(&reader, 0, sizeof(reader));
    uint8_t *out = bytes;
    for (size_t i = 0; i < count; i++) {
        uint8_t *next = fault_codes_put(&codes, out, (unsigned)wanted[i].bits, wanted[i].code,
                                        wanted[i].address);
        ck_assert_int_le(next - out, FAULT_CODES_MOST);
        out = next;
    }
    const uint8_t *in = bytes;
    for (size_t i = 0; i < count; i++) {
        struct detail got = read_detail(&reader, &in, out);
        ck_assert_uint_eq(got.bits, wanted[i].bits);
        ck_assert_uint_eq(got.code, wanted[i].code);
        ck_assert_uint_eq(got.address, wanted[i].address);
    }
    ck_assert_ptr_eq(in, out);
    return (size_t)(out - bytes);
}

static struct detail wanted[FAULTS];

START_TEST(fault_codes_loop_over_pages_takes_two_bytes_each)
{
    for (uint64_t i = 0; i < FAULTS; i++)
        wanted[i] = (struct detail){0, 0x401234, 0x7f0000000000 + i * (uint64_t)getpagesize()};
    ck_assert_uint_le(check_round_trip(wanted, FAULTS), 2 * FAULTS + FAULT_CODES_MOST);
}
END_TEST

START_TEST(fault_codes_more_codes_than_slots_are_read_back)
{
    for (uint64_t i = 0; i < FAULTS; i++)
        wanted[i] = (struct detail){i % 8, 0x401000 + 16 * (i * 7 % (VMT_FAULT_SLOTS + 9)),
                                    0x7f0000000000 + 4096 * (i * 31 % 977)};
    check_round_trip(wanted, FAULTS);
}
END_TEST

START_TEST(fault_codes_extreme_values_are_read_back)
{
    static const uint64_t values[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 63, 4096};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    for (size_t i = 0; i < VALUES * VALUES; i++)
        wanted[i] = (struct detail){i % 4, values[i % VALUES], values[i / VALUES]};
    check_round_trip(wanted, (size_t)VALUES * VALUES);
}
END_TEST

UNIT_MAIN("fault_codes", fault_codes_loop_over_pages_takes_two_bytes_each,
          fault_codes_more_codes_than_slots_are_read_back, fault_codes_extreme_values_are_read_back)
