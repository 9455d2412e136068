/* SPDX-License-Identifier: Apache-2.0 */
#include "model/freed_history.h"

#include "unit_main.h"

static struct freed_history history;

static void push(uint64_t address, uint64_t size)
{
    struct freed_block block = {.address = address, .size = size};
    ck_assert(freed_history_push(&history, &block));
}

START_TEST(freed_history_newest_release_is_found)
{
    ck_assert_ptr_null(freed_history_find(&history, 16));
    ck_assert_uint_eq(history.serial, 0);
    push(16, 1);
    push(32, 2);
    push(16, 3);
    ck_assert_uint_eq(freed_history_find(&history, 16)->size, 3);
    ck_assert_uint_eq(freed_history_find(&history, 32)->size, 2);
    ck_assert_ptr_null(freed_history_find(&history, 48));
    freed_history_release(&history);
}
END_TEST

START_TEST(freed_history_oldest_are_forgotten)
{
    uint64_t total = FREED_HISTORY_SIZE + 1000;
    for (uint64_t i = 1; i <= total; i++)
        push(i * 16, i);
    for (uint64_t i = 1; i <= 1000; i++)
        ck_assert_ptr_null(freed_history_find(&history, i * 16));
    for (uint64_t i = 1001; i <= total; i++)
        ck_assert_uint_eq(freed_history_find(&history, i * 16)->size, i);
    freed_history_release(&history);
}
END_TEST

/* An address that is used over and over must not make look-ups of others slow. */
START_TEST(freed_history_hot_address_takes_one_place_in_its_chain)
{
    for (uint64_t i = 0; i < FREED_HISTORY_SIZE; i++)
        push(16, i);
    size_t steps = 0;
    for (uint64_t serial = history.serial; serial; steps++)
        serial = history.ring[serial & (FREED_HISTORY_SIZE - 1)].previous;
    ck_assert_uint_le(steps, 2);
    freed_history_release(&history);
}
END_TEST

START_TEST(freed_history_next_goes_from_the_newest_to_the_oldest)
{
    size_t position = 0;
    ck_assert_ptr_null(freed_history_next(&history, &position));
    for (uint64_t i = 1; i <= FREED_HISTORY_SIZE + 10; i++)
        push(i * 16, i);
    const struct freed_block *block;
    uint64_t expected = FREED_HISTORY_SIZE + 10;
    while ((block = freed_history_next(&history, &position)))
        ck_assert_uint_eq(block->size, expected--);
    ck_assert_uint_eq(expected, 10);
    freed_history_release(&history);
}
END_TEST

UNIT_MAIN("freed_history", freed_history_newest_release_is_found,
          freed_history_oldest_are_forgotten,
          freed_history_hot_address_takes_one_place_in_its_chain,
          freed_history_next_goes_from_the_newest_to_the_oldest)
