/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_gate_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_common.h"
#include "render/renderer.h"

enum {
    KEY_FAIL_ON = 0x2000,
    KEY_ERRORS_FOR,
    KEY_EXITCODE,
    KEY_THRESHOLD,
    KEY_ONLY,
    KEY_STRICT,
    KEY_LENIENT,
    KEY_BASELINE,
    KEY_SAVE_BASELINE,
    KEY_REMOVE_CLEAN,
    KEY_REMOVE_ALL,
    KEY_VERDICT,
    KEY_UNTRACED,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "A gate for pipelines:", 4},
    {"fail-on", KEY_FAIL_ON, "CLASSES", 0,
     "End with a status of its own if there are any: definite, indirect, possible, reachable, "
     "errors, growth; none",
     4},
    {"errors-for-leak-kinds", KEY_ERRORS_FOR, "CLASSES", 0,
     "As valgrind spells it: the leaks among these, and errors", 4},
    {"error-exitcode", KEY_EXITCODE, "N", 0,
     "That status (default 23); alone it means --fail-on=definite,indirect,errors", 4},
    {"leak-threshold", KEY_THRESHOLD, "BYTES", 0,
     "Leaks of less than this together do not count (K, M, G)", 4},
    {"only", KEY_ONLY, "MODULE-OR-PATH", 0,
     "Only findings with a frame in this binary (app, libfoo.so) or below this path (src/) count; "
     "repeatable",
     4},
    {"strict", KEY_STRICT, NULL, 0,
     "Each process must have been checked; without it one of them is enough, the others are listed",
     4},
    {"skip-unreadable", KEY_LENIENT, NULL, 0,
     "A trace that cannot be read is a process that could not be checked, not a failure", 4},
    {"baseline", KEY_BASELINE, "FILE", 0,
     "What FILE knows does not count, unless it has grown; repeatable", 4},
    {"save-baseline", KEY_SAVE_BASELINE, "FILE", 0,
     "Write what was found, and what the baselines know, to FILE", 4},
    {"remove-clean", KEY_REMOVE_CLEAN, NULL, 0,
     "Delete the traces of processes that were checked and passed", 4},
    {"remove-all", KEY_REMOVE_ALL, NULL, 0, "Delete the traces that were read", 4},
    {"verdict", KEY_VERDICT, NULL, 0, "Print the verdict on standard error, too", 4},
    {"untraced", KEY_UNTRACED, "PID:REASON:COMMAND", OPTION_HIDDEN,
     "A process that left no trace, or was not awaited", 4},
    {0},
};

#define ALL_LEAKS 0xfu

/* Adds the class's bits; false: there is none of that name. */
static bool add_class(struct gate *gate, const char *name, size_t length, bool leaks_only)
{
    static const struct {
        const char *name;
        unsigned classes;
        bool errors, growth;
    } table[] = {
        {"definite", RENDER_LEAK_BIT(REPORT_LEAK_DEFINITE), false, false},
        {"indirect", RENDER_LEAK_BIT(REPORT_LEAK_INDIRECT), false, false},
        {"possible", RENDER_LEAK_BIT(REPORT_LEAK_POSSIBLE), false, false},
        {"reachable", RENDER_LEAK_BIT(REPORT_LEAK_REACHABLE), false, false},
        {"all", ALL_LEAKS, false, false},
        {"none", 0, false, false},
        {"errors", 0, true, false},
        {"growth", 0, false, true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strlen(table[i].name) != length || memcmp(table[i].name, name, length) != 0)
            continue;
        if (leaks_only && (table[i].errors || table[i].growth))
            return false;
        gate->classes |= table[i].classes;
        gate->errors |= table[i].errors;
        gate->growth |= table[i].growth;
        return true;
    }
    return false;
}

static void set_classes(struct gate_settings *settings, const char *option, const char *list,
                        bool leaks_only)
{
    struct gate *gate = &settings->gate;
    gate->classes = 0;
    gate->errors = leaks_only; /* valgrind always counts errors */
    gate->growth = false;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        if (!add_class(gate, at, length, leaks_only))
            cli_usage_error("%s=%s: '%.*s' is no class; there are definite, indirect, possible, "
                            "reachable, all%s and none",
                            option, list, (int)length, at, leaks_only ? "" : ", errors, growth");
        at += length;
        if (*at == '\0')
            break;
    }
    settings->asked = settings->chosen = true;
}

static error_t append(const char ***list, size_t *count, const char *value)
{
    const char **more = reallocarray(*list, *count + 1, sizeof(**list));
    if (!more)
        return ENOMEM;
    *list = more;
    more[(*count)++] = value;
    return 0;
}

static uint64_t number(const char *option, const char *text, bool suffix, uint64_t high,
                       const char *wanted)
{
    uint64_t value;
    if (!cli_parse_number(text, suffix, 0, high, &value))
        cli_usage_error("%s=%s: it wants %s", option, text, wanted);
    return value;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct gate_settings *settings = state->input;
    switch (key) {
    case KEY_FAIL_ON:
        set_classes(settings, "--fail-on", value, false);
        return 0;
    case KEY_ERRORS_FOR:
        set_classes(settings, "--errors-for-leak-kinds", value, true);
        return 0;
    case KEY_EXITCODE:
        settings->exitcode =
            (int)number("--error-exitcode", value, false, 255, "a status from 0 to 255");
        settings->asked = true;
        return 0;
    case KEY_THRESHOLD:
        settings->gate.threshold = number("--leak-threshold", value, true, UINT64_MAX,
                                          "a number of bytes, with K, M or G");
        return 0;
    case KEY_ONLY:
        if (!*value) /* an unset variable would let everything pass */
            cli_usage_error("--only=: it wants the name of a binary, or a path");
        return append(&settings->only, &settings->gate.only_count, value);
    case KEY_STRICT:
        settings->gate.strict = true;
        return 0;
    case KEY_LENIENT:
        settings->gate.lenient = true;
        return 0;
    case KEY_BASELINE:
        return append(&settings->baselines, &settings->baseline_count, value);
    case KEY_SAVE_BASELINE:
        settings->save_baseline = value;
        return 0;
    case KEY_REMOVE_CLEAN:
        settings->remove_clean = true;
        return 0;
    case KEY_REMOVE_ALL:
        settings->remove_all = true;
        return 0;
    case KEY_VERDICT:
        settings->verdict = true;
        return 0;
    case KEY_UNTRACED:
        return append(&settings->untraced, &settings->untraced_count, value);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp gate_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

void gate_settings_init(struct gate_settings *settings)
{
    *settings = (struct gate_settings){.exitcode = GATE_EXITCODE};
}

/* What cannot trip anything by itself is of no use without --fail-on. */
void gate_settings_finish(struct gate_settings *settings)
{
    struct gate *gate = &settings->gate;
    settings->asked |= gate->threshold || gate->only_count || gate->strict ||
                       settings->baseline_count || settings->remove_clean || settings->verdict;
    if (!settings->chosen) {
        gate->classes =
            RENDER_LEAK_BIT(REPORT_LEAK_DEFINITE) | RENDER_LEAK_BIT(REPORT_LEAK_INDIRECT);
        gate->errors = true;
    }
    gate->only = settings->only;
}

void gate_settings_release(struct gate_settings *settings)
{
    free(settings->only);
    free(settings->baselines);
    free(settings->untraced);
}
