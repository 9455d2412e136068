/* SPDX-License-Identifier: Apache-2.0 */
#include "model/node_map.h"

#include "unit_main.h"

START_TEST(node_map_gaps_are_lost_stacks)
{
    struct node_map map = {0};
    ck_assert_uint_eq(node_map_get(&map, 0), STACK_EMPTY);
    ck_assert_uint_eq(node_map_get(&map, 1), STACK_CUT);
    ck_assert_uint_eq(node_map_get(&map, 2), STACK_LOST);
    for (uint32_t i = 2; i < 10; i++)
        ck_assert(node_map_add(&map, i, i + 100));
    for (uint32_t i = 4000000000u; i < 4000000010u; i++)
        ck_assert(node_map_add(&map, i, i - 3999999000u));
    ck_assert(node_map_add(&map, 4100000000u, 5));
    ck_assert_uint_eq(map.run_count, 3);
    ck_assert_uint_eq(map.count, 19);
    ck_assert_uint_eq(node_map_get(&map, 2), 102);
    ck_assert_uint_eq(node_map_get(&map, 9), 109);
    ck_assert_uint_eq(node_map_get(&map, 10), STACK_LOST);
    ck_assert_uint_eq(node_map_get(&map, 4000000009u), 1009);
    ck_assert_uint_eq(node_map_get(&map, 4000000010u), STACK_LOST);
    ck_assert_uint_eq(node_map_get(&map, 4100000000u), 5);
    ck_assert_uint_eq(node_map_get(&map, UINT32_MAX), STACK_LOST);
    ck_assert_uint_eq(node_map_get(&map, 0), STACK_EMPTY);
    node_map_release(&map);
}
END_TEST

START_TEST(node_map_number_that_is_there_stays)
{
    struct node_map map = {0};
    node_map_add(&map, 2, 50);
    node_map_add(&map, 3, 51);
    ck_assert(node_map_add(&map, 2, 99));
    ck_assert_uint_eq(node_map_get(&map, 2), 50);
    node_map_clear(&map);
    ck_assert_uint_eq(node_map_get(&map, 2), STACK_LOST);
    node_map_add(&map, 2, 99);
    ck_assert_uint_eq(node_map_get(&map, 2), 99);
    node_map_release(&map);
}
END_TEST

UNIT_MAIN("node_map", node_map_gaps_are_lost_stacks, node_map_number_that_is_there_stays)
