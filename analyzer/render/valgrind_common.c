/* SPDX-License-Identifier: Apache-2.0 */
#include "render/valgrind_common.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

static const struct {
    const char *rule, *kind, *what;
    int signal;
} kinds[] = {
    {"double-free", "InvalidFree", "Invalid free() / delete / delete[] / realloc()", 0},
    {"invalid-free", "InvalidFree", "Invalid free() / delete / delete[] / realloc()", 0},
    {"realloc-after-free", "InvalidFree", "Invalid free() / delete / delete[] / realloc()", 0},
    {"mismatched-free", "MismatchedFree", "Mismatched free() / delete / delete []", 0},
    {"segfault", NULL, NULL, SIGSEGV},
    {"bus-error", NULL, NULL, SIGBUS},
    {"abort", NULL, NULL, SIGABRT},
    {"illegal-instruction", NULL, NULL, SIGILL},
    {"floating-point", NULL, NULL, SIGFPE},
    {"trap", NULL, NULL, SIGTRAP},
    {"bad-system-call", NULL, NULL, SIGSYS},
    {"signal", NULL, NULL, 0},
};

const char *valgrind_class(enum report_leak_class class)
{
    static const char *const words[] = {
        [REPORT_LEAK_DEFINITE] = "definitely lost",  [REPORT_LEAK_INDIRECT] = "indirectly lost",
        [REPORT_LEAK_POSSIBLE] = "possibly lost",    [REPORT_LEAK_REACHABLE] = "still reachable",
        [REPORT_LEAK_UNSCANNED] = "still reachable", /* valgrind has no word for it */
    };
    return words[class];
}

const char *valgrind_kind(const struct finding *finding)
{
    static const char *const leaks[] = {
        [REPORT_LEAK_DEFINITE] = "Leak_DefinitelyLost",
        [REPORT_LEAK_INDIRECT] = "Leak_IndirectlyLost",
        [REPORT_LEAK_POSSIBLE] = "Leak_PossiblyLost",
        [REPORT_LEAK_REACHABLE] = "Leak_StillReachable",
        [REPORT_LEAK_UNSCANNED] = "Leak_StillReachable",
    };
    if (finding->kind == FINDING_LEAK)
        return leaks[finding->class];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(finding->rule, kinds[i].rule) == 0)
            return kinds[i].kind;
    return "InvalidFree";
}

int valgrind_signal(const struct finding *finding)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(finding->rule, kinds[i].rule) == 0)
            return kinds[i].signal;
    return 0;
}

/* Always plural: what reads valgrind's output knows no other form. */
char *valgrind_what(struct arena *arena, const struct finding *finding, size_t record,
                    size_t records)
{
    if (finding->kind == FINDING_LEAK && finding->indirect_bytes)
        return arena_printf(arena,
                            "%" PRIu64 " (%" PRIu64 " direct, %" PRIu64 " indirect) bytes in "
                            "%" PRIu64 " blocks are %s in loss record %zu of %zu",
                            finding->bytes + finding->indirect_bytes, finding->bytes,
                            finding->indirect_bytes, finding->blocks,
                            valgrind_class(finding->class), record, records);
    if (finding->kind == FINDING_LEAK)
        return arena_printf(
            arena, "%" PRIu64 " bytes in %" PRIu64 " blocks are %s in loss record %zu of %zu",
            finding->bytes, finding->blocks, valgrind_class(finding->class), record, records);
    int number = valgrind_signal(finding);
    if (number)
        return arena_printf(arena, "Process terminating with default action of signal %d (SIG%s)",
                            number, sigabbrev_np(number));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(finding->rule, kinds[i].rule) == 0 && kinds[i].what)
            return arena_printf(arena, "%s", kinds[i].what);
    return finding_message(arena, finding);
}

size_t valgrind_records(const struct finding_set *set, const struct render_options *options)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        count +=
            set->findings[i].kind == FINDING_LEAK && finding_is_listed(&set->findings[i], options);
    return count;
}
