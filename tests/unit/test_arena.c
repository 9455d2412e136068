/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "unit_main.h"

START_TEST(arena_blocks_are_apart_aligned_and_zero)
{
    struct arena *arena = arena_new();
    unsigned char *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(arena, i * 7);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < i * 7; k++)
            ck_assert_uint_eq(blocks[i][k], 0);
        memset(blocks[i], (int)(i & 0xff), i * 7);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * 7; k++)
            ck_assert_uint_eq(blocks[i][k], i & 0xff);
    }
    arena_free(arena);
}
END_TEST

START_TEST(arena_overflowing_array_is_refused)
{
    struct arena *arena = arena_new();
    ck_assert_ptr_null(arena_array(arena, SIZE_MAX / 4, 8));
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
    ck_assert_ptr_nonnull(arena_array(arena, 0, 8));
    arena_free(arena);
}
END_TEST

START_TEST(arena_string_ends_at_nul)
{
    struct arena *arena = arena_new();
    ck_assert_str_eq(arena_string(arena, "abc\0def", 7), "abc");
    ck_assert_str_eq(arena_string(arena, "abcdef", 2), "ab");
    ck_assert_str_eq(arena_string(arena, NULL, 0), "");
    ck_assert_str_eq(arena_printf(arena, "%d of %s", 3, "four"), "3 of four");
    arena_free(arena);
    arena_free(NULL);
}
END_TEST

UNIT_MAIN("arena", arena_blocks_are_apart_aligned_and_zero, arena_overflowing_array_is_refused,
          arena_string_ends_at_nul)
