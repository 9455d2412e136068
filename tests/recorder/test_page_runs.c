/* SPDX-License-Identifier: Apache-2.0 */
/* Pages into PAGES records and back, against a plain array.  The records go into memory here. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page_runs.h"
#include "unit_main.h"

enum { PAGES = 20000, BASE = 16 };

static uint8_t written[PAGES], payload[8192];
static struct stream stream;
static unsigned records;
static int records_left;

bool stream_record_begin(struct stream_record *record, struct stream *to, uint8_t opcode,
                         size_t bytes)
{
    ck_assert_ptr_eq(to, &stream);
    ck_assert_int_eq(opcode, VMT_OP_PAGES);
    ck_assert_uint_le(bytes, sizeof(payload));
    if (records_left-- == 0)
        return false;
    *record = (struct stream_record){.stream = to, .at = payload, .start = payload};
    return true;
}

void stream_record_number(struct stream_record *record, uint64_t number)
{
    record->at = vmt_put_varint(record->at, number);
}

static uint64_t number(const uint8_t **at, const uint8_t *end)
{
    uint64_t value;
    ck_assert(vmt_get_varint(at, end, &value));
    return value;
}

/* Each page is told once at most. */
void stream_record_end(struct stream_record *record)
{
    const uint8_t *at = payload, *end = record->at;
    uint64_t page = number(&at, end) / (uint64_t)getpagesize() - BASE;
    ck_assert_uint_eq(number(&at, end), (uint64_t)getpagesize());
    ck_assert(at < end);
    unsigned bits = 0;
    while (at < end) {
        uint64_t run = number(&at, end);
        bits = run & 15;
        ck_assert_uint_ge(run >> 4, 1);
        ck_assert_uint_le(page + (run >> 4), PAGES);
        for (uint64_t i = 0; i < run >> 4; i++, page++) {
            ck_assert_uint_eq(written[page], 0);
            written[page] = (uint8_t)bits;
        }
    }
    ck_assert_uint_ne(bits, 0); /* no idle run at the end */
    records++;
}

static struct page_runs runs;

static bool write_all(const uint8_t *pages, int allowed)
{
    uint64_t size = (uint64_t)getpagesize();
    memset(written, 0, sizeof(written));
    records = 0;
    records_left = allowed;
    page_runs_begin(&runs, &stream);
    for (uint64_t i = 0; i < PAGES; i++)
        page_runs_add(&runs, (BASE + i) * size, 1, pages[i]);
    return page_runs_end(&runs);
}

START_TEST(page_runs_nothing_there_no_record)
{
    static uint8_t pages[PAGES];
    ck_assert(write_all(pages, 9));
    ck_assert_uint_eq(records, 0);
}
END_TEST

START_TEST(page_runs_all_alike_one_record)
{
    static uint8_t pages[PAGES];
    memset(pages, 9, sizeof(pages));
    ck_assert(write_all(pages, 9));
    ck_assert_uint_eq(records, 1);
    ck_assert_mem_eq(written, pages, PAGES);
}
END_TEST

/* From long runs to none, with holes and without: the records hold just what was added. */
START_TEST(page_runs_random_same_again)
{
    static uint8_t pages[PAGES];
    static const uint8_t kinds[] = {0, 1, 2, 5, 9, 13, 0, 3};
    for (unsigned seed = 1; seed <= 20; seed++) {
        srand(seed);
        int change = 1 + (int)(seed * seed);
        for (int i = 0; i < PAGES; i++)
            pages[i] = i && rand() % change ? pages[i - 1] : kinds[rand() % 8];
        ck_assert(write_all(pages, 1000));
        ck_assert_mem_eq(written, pages, PAGES);
        ck_assert(seed > 1 || records > 2);
    }
}
END_TEST

START_TEST(page_runs_no_space_says_so)
{
    static uint8_t pages[PAGES];
    for (int i = 0; i < PAGES; i++)
        pages[i] = i % 2 ? 9 : 1;
    ck_assert(!write_all(pages, 3));
    ck_assert_uint_eq(records, 3);
}
END_TEST

UNIT_MAIN("page_runs", page_runs_nothing_there_no_record, page_runs_all_alike_one_record,
          page_runs_random_same_again, page_runs_no_space_says_so)
