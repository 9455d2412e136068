/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash_map.h"

#include "unit_main.h"

START_TEST(hash_map_many_keys_are_found)
{
    struct hash_map map = {0};
    ck_assert_uint_eq(hash_map_get(&map, 0), HASH_MAP_NONE);
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert(hash_map_put(&map, (uint64_t)i * 0x100000000u + i, i));
    ck_assert_uint_eq(map.count, 10000);
    for (uint32_t i = 0; i < 10000; i++) {
        ck_assert_uint_eq(hash_map_get(&map, (uint64_t)i * 0x100000000u + i), i);
        ck_assert_uint_eq(hash_map_get(&map, (uint64_t)i * 0x100000000u + i + 1), HASH_MAP_NONE);
    }
    hash_map_release(&map);
}
END_TEST

START_TEST(hash_map_same_key_is_replaced)
{
    struct hash_map map = {0};
    hash_map_put(&map, UINT64_MAX, 1);
    hash_map_put(&map, UINT64_MAX, 2);
    hash_map_put(&map, 0, 3);
    ck_assert_uint_eq(map.count, 2);
    ck_assert_uint_eq(hash_map_get(&map, UINT64_MAX), 2);
    ck_assert_uint_eq(hash_map_get(&map, 0), 3);
    hash_map_release(&map);
    ck_assert_uint_eq(hash_map_get(&map, 0), HASH_MAP_NONE);
}
END_TEST

UNIT_MAIN("hash_map", hash_map_many_keys_are_found, hash_map_same_key_is_replaced)
