/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows against libunwind: for program counters all over the code of real binaries, one step by the
 * row and one by libunwind must read the same words.
 *
 *     test_unwind_row                   every STRIDE_QUICK-th byte of what is installed
 *     test_unwind_row --all             every STRIDE_ALL-th
 *     test_unwind_row STRIDE FILE...    those binaries
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfa_program.h"
#include "elf_image.h"
#include "step_oracle.h"
#include "unwind_row.h"

#define STRIDE_QUICK 997
#define STRIDE_ALL 7
#define REPORTED_MAX 20

static const char *const binaries[] = {
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    "/usr/bin/python3",
    "/usr/bin/perl",
    "/usr/bin/git",
    "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
    "/usr/bin/node",
};

struct tally {
    uint64_t compared;
    uint64_t other_register; /* CFA in a callee-saved register: compared, too */
    uint64_t inexpressible;
    uint64_t different;
};

static int64_t base_of(const struct unwind_row *row)
{
    return (int64_t)(row->base_fp ? ORACLE_FP : ORACLE_SP);
}

/* The step as the row says, with CFA base `base`. */
static void apply(const struct unwind_row *row, int64_t base, struct oracle_step *step)
{
    uint64_t cfa = (uint64_t)(base + row->cfa_offset);
    if (row->kind == UNWIND_ALIGNED)
        cfa = oracle_word(cfa) + (uint64_t)(int64_t)row->cfa_add;
    uint64_t fp_base = row->fp_rule == UNWIND_FP_AT_CFA  ? cfa
                       : row->fp_rule == UNWIND_FP_AT_FP ? ORACLE_FP
                                                         : ORACLE_SP;
    step->result = 1;
    step->pc = oracle_word(cfa + (uint64_t)(int64_t)row->ra_offset);
    step->sp = cfa;
    step->fp = row->fp_rule == UNWIND_FP_SAME
                   ? ORACLE_FP
                   : oracle_word(fp_base + (uint64_t)(int64_t)row->fp_offset);
}

/* False: rows cannot say it. */
static bool predict(const struct module *module, uint64_t pc, struct oracle_step *step,
                    struct tally *tally)
{
    struct unwind_row row;
    unwind_row_find(module, pc, true, &row);
    memset(step, 0, sizeof(*step));
    if (row.kind == UNWIND_END)
        return true;
    if (row.kind == UNWIND_NONE) {
        step->result = -1;
        return true;
    }
    if (row.kind == UNWIND_SIGNAL) {
        *step = (struct oracle_step){1, oracle_word(ORACLE_SP + UNWIND_SIGNAL_PC),
                                     oracle_word(ORACLE_SP + UNWIND_SIGNAL_SP),
                                     oracle_word(ORACLE_SP + UNWIND_SIGNAL_FP)};
        return true;
    }
    if (row.kind != UNWIND_COMPLEX) {
        apply(&row, base_of(&row), step);
        return true;
    }
    uint64_t number = unwind_row_base_register(module, pc, true, &row);
    if (number)
        apply(&row, (int64_t)(ORACLE_REGISTER + (number << 32)), step);
    tally->other_register += number != 0;
    return number != 0;
}

static bool steps_equal(const struct oracle_step *a, const struct oracle_step *b)
{
    if (a->result <= 0 || b->result <= 0)
        return (a->result <= 0) == (b->result <= 0);
    return a->pc == b->pc && a->sp == b->sp && a->fp == b->fp;
}

static void compare(const struct module *module, uint64_t pc, struct tally *tally)
{
    struct oracle_step ours, theirs;
    if (!predict(module, pc, &ours, tally)) {
        tally->inexpressible++;
        return;
    }
    oracle_step(module, pc, &theirs);
    tally->compared++;
    if (steps_equal(&ours, &theirs))
        return;
    if (tally->different++ < REPORTED_MAX)
        printf("  pc %#lx: row %d pc %#lx sp %#lx fp %#lx, libunwind %d pc %#lx sp %#lx fp %#lx\n",
               pc - module->bias, ours.result, ours.pc, ours.sp, ours.fp, theirs.result, theirs.pc,
               theirs.sp, theirs.fp);
}

/* A return address is looked up one byte before itself, and nothing else distinguishes it. */
static void compare_return(const struct module *module, uint64_t pc, struct tally *tally)
{
    struct unwind_row before, after;
    unwind_row_find(module, pc, true, &before);
    unwind_row_find(module, pc + 1, false, &after);
    if (memcmp(&before, &after, sizeof(before)) == 0)
        return;
    if (before.kind == UNWIND_STANDARD && after.kind == UNWIND_STANDARD &&
        abs(before.cfa_offset - after.cfa_offset) == 8)
        return; /* PLT stubs: the rule depends on rip itself */
    tally->different++;
    printf("  pc %#lx: another row as return address\n", pc - module->bias);
}

static void compare_binary(const struct module *module, uint64_t stride, struct tally *tally)
{
    const uint8_t *header = (const uint8_t *)module->eh_frame_hdr;
    uint32_t count;
    memset(tally, 0, sizeof(*tally));
    memcpy(&count, header + 8, sizeof(count));
    uint64_t phase = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t start;
        struct eh_frame frame;
        memcpy(&start, header + 12 + 8 * (uint64_t)i, sizeof(start));
        uint64_t first = module->eh_frame_hdr + (uint64_t)(int64_t)start;
        if (!eh_frame_find(module, first, &frame))
            continue; /* covers no code */
        if (stride <= STRIDE_ALL || i % 16 == 0)
            compare(module, first, tally);
        uint64_t pc = first + phase;
        for (; pc < frame.pc_end; pc += stride) {
            compare(module, pc, tally);
            compare_return(module, pc, tally);
        }
        phase = pc - frame.pc_end;
    }
}

static uint64_t compare_file(const char *path, uint64_t stride)
{
    struct module module;
    struct tally tally;
    if (!elf_image_map(path, &module)) {
        printf("%-44s not installed\n", path);
        return 0;
    }
    compare_binary(&module, stride, &tally);
    printf("%-44s %9lu pcs, %lu by another register, %lu inexpressible, %lu different\n", path,
           tally.compared, tally.other_register, tally.inexpressible, tally.different);
    fflush(stdout);
    ck_assert_uint_gt(tally.compared, 0);
    /* Hand-written assembly only: most of it in libcrypto, 2.3 per cent of that. */
    ck_assert_uint_le(tally.inexpressible * 100, tally.compared * 5);
    return tally.different;
}

static uint64_t stride_wanted = STRIDE_QUICK;

START_TEST(unwind_row_find_agrees_with_libunwind)
{
    ck_assert_uint_eq(compare_file(binaries[_i], stride_wanted), 0);
}
END_TEST

START_TEST(unwind_row_find_outside_of_code_says_none)
{
    struct module module;
    struct unwind_row row;
    ck_assert(elf_image_map(binaries[0], &module));
    unwind_row_find(&module, module.start, true, &row);
    ck_assert_int_eq(row.kind, UNWIND_NONE);
    unwind_row_find(&module, module.end, false, &row);
    ck_assert_int_eq(row.kind, UNWIND_NONE);
}
END_TEST

static Suite *unwind_row_suite(void)
{
    Suite *suite = suite_create("unwind_row");
    TCase *real = tcase_create("real binaries");
    tcase_set_timeout(real, 0);
    tcase_add_loop_test(real, unwind_row_find_agrees_with_libunwind, 0,
                        sizeof(binaries) / sizeof(binaries[0]));
    tcase_add_test(real, unwind_row_find_outside_of_code_says_none);
    suite_add_tcase(suite, real);
    return suite;
}

int main(int argc, char **argv)
{
    oracle_init();
    if (argc > 2) {
        uint64_t different = 0;
        for (int i = 2; i < argc; i++)
            different += compare_file(argv[i], strtoull(argv[1], NULL, 0));
        return different != 0;
    }
    if (argc == 2 && strcmp(argv[1], "--all") == 0)
        stride_wanted = STRIDE_ALL;
    SRunner *runner = srunner_create(unwind_row_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
