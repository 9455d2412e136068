/* SPDX-License-Identifier: Apache-2.0 */
#include "model/site_table.h"

#include "unit_main.h"

static struct stack_tree tree;
static struct module_table modules;
static struct site_table sites;

static void setup(void)
{
    sites = (struct site_table){0};
    ck_assert(stack_tree_init(&tree));
}

static void finish(void)
{
    site_table_release(&sites);
    stack_tree_release(&tree);
}

START_TEST(site_table_stack_and_kind_make_a_site)
{
    setup();
    uint32_t a = stack_tree_child(&tree, &modules, STACK_EMPTY, 1, 0);
    uint32_t b = stack_tree_child(&tree, &modules, STACK_EMPTY, 2, 0);
    uint32_t first = site_table_get(&sites, &tree, a, 1);
    ck_assert_uint_ne(site_table_get(&sites, &tree, a, 2), first);
    ck_assert_uint_ne(site_table_get(&sites, &tree, b, 1), first);
    for (uint32_t kind = 3; kind < 100; kind++)
        site_table_get(&sites, &tree, a, kind);
    ck_assert_uint_eq(sites.count, 100);
    for (uint32_t kind = 1; kind < 100; kind++) {
        uint32_t site = site_table_get(&sites, &tree, a, kind);
        ck_assert_uint_eq(sites.sites[site].kind, kind);
        ck_assert_uint_eq(sites.sites[site].node, a);
    }
    ck_assert_uint_eq(sites.count, 100);
    finish();
}
END_TEST

START_TEST(site_table_peak_value_is_kept_until_the_next_peak)
{
    uint64_t bytes, blocks;
    setup();
    uint32_t site = site_table_get(&sites, &tree, STACK_EMPTY, 1);
    site_table_add(&sites, site, &(struct sample_weight){100, 1, {0, 0}});
    sites.epoch++; /* a peak, with 100 */
    site_table_at_peak(&sites, site, &bytes, &blocks);
    ck_assert_uint_eq(bytes, 100);
    site_table_remove(&sites, site, &(struct sample_weight){60, 0, {0, 0}});
    site_table_add(&sites, site, &(struct sample_weight){7, 3, {0, 0}});
    site_table_at_peak(&sites, site, &bytes, &blocks);
    ck_assert_uint_eq(bytes, 100);
    ck_assert_uint_eq(blocks, 1);
    sites.epoch++; /* of other sites, with 47 here */
    site_table_at_peak(&sites, site, &bytes, &blocks);
    ck_assert_uint_eq(bytes, 47);
    ck_assert_uint_eq(blocks, 4);
    ck_assert_uint_eq(sites.sites[site].own_peak_bytes, 100);
    finish();
}
END_TEST

static void count(uint32_t site, uint64_t size, uint64_t ticks)
{
    struct sample_weight weight = sample_weigh(0, size);
    site_table_count(&sites, site, size, &weight, ticks);
}

START_TEST(site_table_first_last_and_largest)
{
    setup();
    uint32_t site = site_table_get(&sites, &tree, STACK_EMPTY, 1);
    count(site, 5, 10);
    count(site, 50, 20);
    count(site, 0, 30);
    ck_assert_uint_eq(sites.sites[site].allocations, 3);
    ck_assert_uint_eq(sites.sites[site].bytes_allocated, 55);
    ck_assert_uint_eq(sites.sites[site].first_ticks, 10);
    ck_assert_uint_eq(sites.sites[site].last_ticks, 30);
    ck_assert_uint_eq(sites.sites[site].largest, 50);
    finish();
}
END_TEST

UNIT_MAIN("site_table", site_table_stack_and_kind_make_a_site,
          site_table_peak_value_is_kept_until_the_next_peak, site_table_first_last_and_largest)
