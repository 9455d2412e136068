/* SPDX-License-Identifier: Apache-2.0 */
#include "render/text_group.h"

#include "unit_main.h"

#define STACK(name)                                                                                \
    static const struct report_stack name = {                                                      \
        name##_frames, sizeof(name##_frames) / sizeof(*name##_frames), false, false}

static const struct report_frame by_get_frames[] = {
    {.function = "std::vector::resize"},
    {.function = "make", .file = "shop.cc", .line = 7, .application = true},
    {.function = "get", .file = "shop.cc", .line = 20, .application = true},
};
static const struct report_frame by_put_frames[] = {
    {.function = "std::vector::resize", .offset = 16},
    {.function = "make", .file = "shop.cc", .line = 7, .offset = 8, .application = true},
    {.function = "put", .file = "shop.cc", .line = 30, .application = true},
};
static const struct report_frame other_call_frames[] = {
    {.function = "operator new"},
    {.function = "make", .file = "shop.cc", .line = 7, .application = true},
};
static const struct report_frame other_line_frames[] = {
    {.function = "std::vector::resize"},
    {.function = "make", .file = "shop.cc", .line = 8, .application = true},
};
STACK(by_get);
STACK(by_put);
STACK(other_call);
STACK(other_line);

static const struct text_group_item items[] = {
    {&other_line, "new", NULL, 0, 50}, {&by_get, "new", NULL, 0, 30},
    {&by_put, "new", NULL, 0, 40},     {&other_call, "new", NULL, 0, 5},
    {&by_get, "malloc", NULL, 0, 2},   {&by_get, "new", "pool", 0, 1},
    {&by_get, "new", NULL, 1, 1000},   {NULL, "new", NULL, 1, 3},
};
enum { ITEMS = sizeof(items) / sizeof(*items) };

START_TEST(text_groups_one_place_is_one_group)
{
    struct text_groups groups;
    static const uint64_t totals[] = {70, 50, 5, 2, 1, 1000, 3};
    ck_assert(text_groups_init(&groups, items, ITEMS, false));
    ck_assert_uint_eq(groups.count, sizeof(totals) / sizeof(*totals));
    for (size_t i = 0; i < groups.count; i++)
        ck_assert_uint_eq(groups.groups[i].total, totals[i]);
    ck_assert_uint_eq(groups.groups[0].count, 2);
    ck_assert_uint_eq(groups.order[groups.groups[0].first], 2); /* the largest first */
    ck_assert_uint_eq(groups.order[groups.groups[0].first + 1], 1);
    text_groups_release(&groups);
}
END_TEST

START_TEST(text_groups_without_kind_callees_do_not_matter)
{
    struct text_groups groups;
    struct text_group_item bare[4];
    for (size_t i = 0; i < 4; i++) {
        bare[i] = items[i];
        bare[i].kind = NULL;
    }
    ck_assert(text_groups_init(&groups, bare, 4, false));
    ck_assert_uint_eq(groups.count, 2);
    ck_assert_uint_eq(groups.groups[0].total, 75);
    ck_assert_uint_eq(groups.groups[0].count, 3);
    text_groups_release(&groups);
}
END_TEST

START_TEST(text_groups_apart_each_is_alone)
{
    struct text_groups groups;
    ck_assert(text_groups_init(&groups, items, ITEMS, true));
    ck_assert_uint_eq(groups.count, ITEMS);
    for (size_t i = 0; i < groups.count; i++)
        ck_assert_uint_eq(groups.groups[i].count, 1);
    text_groups_release(&groups);
    ck_assert(text_groups_init(&groups, items, 0, false));
    ck_assert_uint_eq(groups.count, 0);
    text_groups_release(&groups);
}
END_TEST

UNIT_MAIN("text_group", text_groups_one_place_is_one_group,
          text_groups_without_kind_callees_do_not_matter, text_groups_apart_each_is_alone)
