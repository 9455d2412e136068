/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reach_class.h"

#include <stdlib.h>
#include <string.h>

#include "unit_main.h"

#define INNER REACH_INTERIOR
#define MOST 16

/* A graph of blocks 0, 1, ... by lists: "0>1 1>2i 2>0" are edges (i: into the middle), and so are
 * ">0" and ">1i" roots. */
static struct reach_graph graph;
static struct reach_classes result;

static void classify(size_t blocks, const char *text)
{
    static struct reach_block list[MOST];
    static uint64_t first[MOST + 1];
    static uint32_t edges[64];
    static struct reach_root roots[64];
    graph = (struct reach_graph){
        .blocks = list, .block_count = blocks, .first = first, .edges = edges, .roots = roots};
    for (size_t source = 0; source < blocks; source++) {
        first[source] = graph.edge_count;
        for (const char *at = text; *at; at += strcspn(at, " "), at += *at == ' ') {
            char *end;
            unsigned long from = *at == '>' ? MOST : strtoul(at, &end, 10);
            unsigned long to = strtoul(strchr(at, '>') + 1, &end, 10);
            uint32_t target = (uint32_t)to | (*end == 'i' ? INNER : 0);
            if (from == source)
                edges[graph.edge_count++] = target;
            else if (from == MOST && source == 0)
                roots[graph.root_count++] = (struct reach_root){.target = target};
        }
    }
    first[blocks] = graph.edge_count;
    ck_assert(reach_classes_init(&result, &graph));
}

/* One letter a block: Reachable, Possible, Definite, Indirect. */
static void expect(const char *letters)
{
    static const char names[] = {[REACH_DEFINITE] = 'D',
                                 [REACH_POSSIBLE] = 'P',
                                 [REACH_REACHABLE] = 'R',
                                 [REACH_INDIRECT] = 'I'};
    char found[MOST + 1] = "";
    for (size_t i = 0; i < graph.block_count; i++)
        found[i] = names[result.classes[i]];
    ck_assert_str_eq(found, letters);
}

static void finish(void)
{
    reach_classes_release(&result);
}

START_TEST(reach_class_nine_cases_of_memcheck)
{
    classify(1, ">0");
    expect("R");
    finish();
    classify(2, ">0 0>1");
    expect("RR");
    finish();
    classify(1, "");
    expect("D");
    finish();
    classify(2, "0>1");
    expect("DI");
    finish();
    classify(1, ">0i");
    expect("P");
    finish();
    classify(2, ">0 0>1i");
    expect("RP");
    finish();
    classify(2, ">0i 0>1");
    expect("PP");
    finish();
    classify(2, ">0i 0>1i");
    expect("PP");
    finish();
    classify(2, "0>1i");
    expect("DI");
    finish();
}
END_TEST

START_TEST(reach_class_better_ways_win)
{
    classify(3, ">0i 0>1 >1 1>2"); /* 1 and what hangs on it is possible first */
    expect("PRR");
    finish();
    classify(3, ">0 0>1i 0>2 2>1");
    expect("RRR");
    finish();
    classify(4, ">1i >0 0>1 1>2 2>3i");
    expect("RRRP");
    finish();
}
END_TEST

START_TEST(reach_class_cycles_have_one_leader)
{
    classify(2, "0>1 1>0");
    expect("DI");
    finish();
    classify(1, "0>0");
    expect("D");
    finish();
    classify(3, "2>0 0>1 1>2");
    expect("DII");
    ck_assert_uint_eq(result.leaders[1], 0);
    ck_assert_uint_eq(result.leaders[2], 0);
    finish();
}
END_TEST

/* 0 leads 1 until 3, which points to 0, takes over; then 4 does. */
START_TEST(reach_class_cliques_merge)
{
    classify(5, "0>1 2>1 3>0 4>3");
    expect("IIDID");
    ck_assert_uint_eq(result.leaders[0], 4);
    ck_assert_uint_eq(result.leaders[1], 4);
    ck_assert_uint_eq(result.leaders[3], 4);
    ck_assert_uint_eq(result.leaders[2], 2);
    finish();
}
END_TEST

UNIT_MAIN("reach_class", reach_class_nine_cases_of_memcheck, reach_class_better_ways_win,
          reach_class_cycles_have_one_leader, reach_class_cliques_merge)
