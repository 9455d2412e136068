/* SPDX-License-Identifier: Apache-2.0 */
/* A trace from the builder, read; the invariants of models are checked on the way. */
#ifndef VMTRACE_TESTS_MODEL_FIXTURE_H
#define VMTRACE_TESTS_MODEL_FIXTURE_H

#include <check.h>

#include "model/trace_state.h"
#include "model_invariants.h"
#include "query/report.h"
#include "trace_builder.h"

#define U(value) ((uint64_t)(value))
#define AT(ticks) (BUILDER_START_TICKS + (ticks))

static inline struct trace_model *fixture_model(struct trace_builder *builder)
{
    size_t size;
    struct error error = {.code = VMT_OK};
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    struct trace_model *model = trace_model_new();
    ck_assert_ptr_nonnull(model);
    ck_assert_int_eq(trace_model_read_memory(model, bytes, size, &error), VMT_OK);
    const char *broken = model_invariants_broken(model);
    ck_assert_msg(!broken, "broken: %s", broken ? broken : "");
    return model;
}

/* Reads the builder's trace and frees the builder. */
static inline struct trace_model *fixture_take(struct trace_builder *builder)
{
    struct trace_model *model = fixture_model(builder);
    trace_builder_free(builder);
    return model;
}

/* The report without names; frees the builder. */
static inline struct report *fixture_report(struct trace_builder *builder)
{
    const struct report_options options = {.resolve = false};
    struct trace_model *model = fixture_take(builder);
    struct report *report = report_new(model, &options);
    ck_assert_ptr_nonnull(report);
    trace_model_free(model);
    return report;
}

#endif
