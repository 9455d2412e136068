/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/trace_model.h"
#include "model_invariants.h"
#include "query/report.h"
#include "suppress/suppression.h"

void fuzz_fail(const char *what)
{
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* Some leaks, so that what hangs on them is, too. */
static struct suppression_list *some_suppressions(void)
{
    static const char text[] =
        "{\n some\n Memcheck:Leak\n match-leak-kinds: definite\n fun:malloc\n"
        " obj:/opt/app\n}\n";
    struct suppression_list *list = suppression_list_new();
    if (list)
        suppression_list_parse(list, "some", text, sizeof(text) - 1, NULL);
    return list;
}

/* leaked_* is the sum of what is not suppressed. */
static void check_leaked(const struct report *report)
{
    uint64_t bytes = 0, blocks = 0;
    for (size_t i = 0; i < report->leak_count; i++) {
        const struct report_leak *leak = &report->leaks[i];
        bool lost = leak->class == REPORT_LEAK_DEFINITE || leak->class == REPORT_LEAK_INDIRECT;
        if (leak->suppressed || leak->pool || (report->judge && !lost))
            continue;
        bytes += leak->bytes;
        blocks += leak->blocks;
    }
    if (bytes != report->leaked_bytes || blocks != report->leaked_blocks)
        fuzz_fail("leaked_* is the sum of leaks");
}

void fuzz_read(const uint8_t *bytes, size_t size)
{
    struct suppression_list *suppressions = some_suppressions();
    const struct report_options options = {.resolve = false, .suppressions = suppressions};
    struct error error = {.code = VMT_OK};
    struct trace_model *model = trace_model_new();
    if (!model) {
        suppression_list_free(suppressions);
        return;
    }
    enum vmt_error code = trace_model_read_memory(model, bytes, size, &error);
    if (code == VMT_OK) {
        const char *broken = model_invariants_broken(model);
        if (broken)
            fuzz_fail(broken);
        struct report *report = report_new(model, &options);
        if (report && report->live_blocks_at_end < report->leaked_blocks)
            fuzz_fail("leaked_blocks <= live_blocks_at_end");
        if (report)
            check_leaked(report);
        report_free(report);
    } else if (error.message[0] == '\0') {
        fuzz_fail("every error has a message");
    }
    trace_model_free(model);
    suppression_list_free(suppressions);
}
