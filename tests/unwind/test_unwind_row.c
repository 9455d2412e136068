/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows against libunwind: for the addresses that calls return to, and for instructions all over the
 * code of real binaries, one step by the row and one by libunwind must read the same words.
 *
 *     test_unwind_row                   a sample of what is installed
 *     test_unwind_row --all             every return address, every STRIDE_ALL-th byte
 *     test_unwind_row STRIDE FILE...    every return address, every STRIDE-th byte of these
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfa_program.h"
#include "elf_image.h"
#include "step_oracle.h"
#include "unwind_row.h"

#define STRIDE_QUICK 97
#define BYTES_QUICK 997
#define STRIDE_ALL 7
#define REPORTED_MAX 20
#define CALL_SIZE_MAX 7

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
    uint64_t returns, bytes;
    uint64_t other_register; /* CFA in a callee-saved register: compared, too */
    uint64_t inexpressible;
    uint64_t inexpressible_returns; /* of them */
    uint64_t without;               /* return addresses that no FDE covers */
    uint64_t different;
};

/* How many to leave out. */
struct strides {
    uint64_t returns, bytes;
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
static bool predict(const struct module *module, uint64_t pc, bool exact, struct oracle_step *step,
                    struct tally *tally)
{
    struct unwind_row row;
    unwind_row_find(module, pc, exact, &row);
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
    unsigned number;
    if (!unwind_row_base_register(module, pc, exact, &number, &row))
        return false;
    apply(&row, (int64_t)(ORACLE_REGISTER + ((uint64_t)number << 32)), step);
    tally->other_register++;
    return true;
}

static bool steps_equal(const struct oracle_step *a, const struct oracle_step *b)
{
    if (a->result <= 0 || b->result <= 0)
        return (a->result <= 0) == (b->result <= 0);
    return a->pc == b->pc && a->sp == b->sp && a->fp == b->fp;
}

/* A return address is looked up one byte before itself, by libunwind as well. */
static void compare(const struct module *module, uint64_t pc, bool exact, struct tally *tally)
{
    struct oracle_step ours, theirs;
    if (!predict(module, pc, exact, &ours, tally)) {
        tally->inexpressible++;
        tally->inexpressible_returns += !exact;
        return;
    }
    oracle_step(module, exact ? pc : pc - 1, &theirs);
    if (steps_equal(&ours, &theirs))
        return;
    if (tally->different++ < REPORTED_MAX)
        printf("  %s %#lx: row %d pc %#lx sp %#lx fp %#lx, libunwind %d pc %#lx sp %#lx fp %#lx\n",
               exact ? "pc" : "return to", pc - module->bias, ours.result, ours.pc, ours.sp,
               ours.fp, theirs.result, theirs.pc, theirs.sp, theirs.fp);
}

/* Code that no FDE covers: libunwind must know of none, either, and then no row may be made up. */
static void compare_without(const struct module *module, uint64_t pc, struct tally *tally)
{
    struct unwind_row row;
    unwind_row_find(module, pc, false, &row);
    tally->without++;
    if (!oracle_has_frame(module, pc - 1) && (row.kind == UNWIND_NONE || row.kind == UNWIND_END))
        return;
    tally->different++;
    printf("  return to %#lx: row of kind %d where no FDE was found\n", pc - module->bias,
           row.kind);
}

static void compare_returns(const struct elf_image *image, uint64_t stride, struct tally *tally)
{
    struct eh_frame frame;
    uint64_t number = 0;
    for (unsigned i = 0; i < image->code_count; i++) {
        uint64_t end = image->code[i].end;
        uint64_t pc = image->code[i].start + CALL_SIZE_MAX;
        while ((pc = elf_next_return(pc, end)) != 0) {
            if (number++ % stride)
                continue;
            tally->returns++;
            if (eh_frame_find(&image->module, pc - 1, &frame))
                compare(&image->module, pc, false, tally);
            else
                compare_without(&image->module, pc, tally);
        }
    }
}

/* Interrupted instructions: every stride-th byte of all code that has a frame description. */
static void compare_bytes(const struct module *module, uint64_t stride, struct tally *tally)
{
    const uint8_t *header = (const uint8_t *)module->eh_frame_hdr;
    uint32_t count;
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
            compare(module, first, true, tally);
        uint64_t pc = first + phase;
        for (; pc < frame.pc_end; pc += stride) {
            tally->bytes++;
            compare(module, pc, true, tally);
        }
        phase = pc - frame.pc_end;
    }
}

/* False when there is no such file. */
static bool compare_file(const char *path, const struct strides *strides, struct tally *tally)
{
    struct elf_image image;
    memset(tally, 0, sizeof(*tally));
    if (!elf_image_map(path, &image)) {
        printf("%-44s not installed\n", path);
        return false;
    }
    compare_returns(&image, strides->returns, tally);
    compare_bytes(&image.module, strides->bytes, tally);
    printf("%-44s %8lu returns (%lu in code without a frame description), %8lu pcs, "
           "%lu by another register, %lu inexpressible (%lu returns), %lu different\n",
           path, tally->returns, tally->without, tally->bytes, tally->other_register,
           tally->inexpressible, tally->inexpressible_returns, tally->different);
    fflush(stdout);
    return true;
}

static struct strides strides_wanted = {STRIDE_QUICK, BYTES_QUICK};

START_TEST(unwind_row_find_agrees_with_libunwind)
{
    struct tally tally;
    if (!compare_file(binaries[_i], &strides_wanted, &tally))
        return;
    ck_assert_uint_eq(tally.different, 0);
    ck_assert_uint_gt(tally.returns, 0);
    ck_assert_uint_gt(tally.bytes, 0);
    /* Hand-written assembly only: most of it in libcrypto, 2.3 per cent of that. */
    ck_assert_uint_le(tally.inexpressible * 100, (tally.returns + tally.bytes) * 5);
}
END_TEST

START_TEST(unwind_row_find_outside_of_code_says_none)
{
    struct elf_image image;
    struct unwind_row row;
    ck_assert(elf_image_map(binaries[0], &image));
    unwind_row_find(&image.module, image.module.start, true, &row);
    ck_assert_int_eq(row.kind, UNWIND_NONE);
    unwind_row_find(&image.module, image.module.end, false, &row);
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
        struct strides strides = {1, strtoull(argv[1], NULL, 0)};
        struct tally tally;
        uint64_t different = 0;
        for (int i = 2; i < argc; i++)
            different += compare_file(argv[i], &strides, &tally) ? tally.different : 1;
        return different != 0;
    }
    if (argc == 2 && strcmp(argv[1], "--all") == 0)
        strides_wanted = (struct strides){1, STRIDE_ALL};
    SRunner *runner = srunner_create(unwind_row_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
