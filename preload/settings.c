/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "fault_stack.h"
#include "name_store.h"
#include "sys.h"
#include "text.h"
#include "vmtrace/signal_names.h"
#include "vmtrace/trace_format.h"

#include <stdarg.h>
#include <string.h>

struct settings settings = {
    .output = SETTINGS_OUTPUT,
    .log = SETTINGS_LOG_ERRORS,
    .follow_forks = true,
    .follow_execs = true,
    .depth = 128,
    .interval_ms = 10,
    .max_size = UINT64_MAX,
};

static void say(const char *format, va_list arguments)
{
    char line[4096 + 512];
    struct text text;
    text_init(&text, line, sizeof(line));
    text_add(&text, "vmtrace: ");
    text_format(&text, format, arguments);
    text_add(&text, "\n");
    if (text.length >= sizeof(line) - 1)
        line[sizeof(line) - 2] = '\n';
    sys_write(2, line, text.length);
}

void settings_complain(const char *format, ...)
{
    if (settings.log < SETTINGS_LOG_ERRORS)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void settings_inform(const char *format, ...)
{
    if (settings.log < SETTINGS_LOG_SUMMARY)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

/* Index of `value` in the NULL-terminated list of words, or -1. */
static int pick(const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0)
            return i;
    }
    return -1;
}

/* A decimal number, nothing before or after it but one optional K, M or G where `suffix`. */
static bool parse_number(const char *value, bool suffix, uint64_t low, uint64_t high,
                         uint64_t *result)
{
    uint64_t number = 0;
    const char *at = value;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    }
    if (suffix && *at) {
        static const char letters[] = "KMGkmg";
        const char *letter = strchr(letters, *at);
        if (!letter)
            return false;
        unsigned shift = 10u * ((unsigned)(letter - letters) % 3 + 1);
        if (number > UINT64_MAX >> shift)
            return false;
        number <<= shift;
        at++;
    }
    if (*at || number < low || number > high)
        return false;
    *result = number;
    return true;
}

static bool set_output(const char *value)
{
    if (!*value || strlen(value) >= NAME_STORE_LONGEST)
        return false;
    for (const char *at = value; *at; at++) {
        if (*at == '%' && !(at[1] && strchr("peht%n", *++at)))
            return false;
    }
    settings.output = name_store_keep(value); /* the program may change its environment */
    return true;
}

static bool set_faults(const char *value)
{
    static const char *const words[] = {"auto", "perf", "rusage", "off", NULL};
    int index = pick(value, words);
    settings.faults = (enum settings_faults)index;
    return index >= 0;
}

static bool set_fault_stacks(const char *value)
{
    static const char *const words[] = {"off", "on", NULL};
    int index = pick(value, words);
    settings.fault_stacks = index == 1;
    return index == 0 || (index == 1 && fault_stack_is_known());
}

static bool set_free_stacks(const char *value)
{
    static const char *const words[] = {"off", "on", NULL};
    int index = pick(value, words);
    settings.free_stacks = index == 1;
    return index >= 0;
}

static bool set_residency(const char *value)
{
    static const char *const words[] = {"all", "exit", "off", NULL};
    int index = pick(value, words);
    settings.residency = (enum settings_residency)index;
    return index >= 0;
}

static bool set_snapshot_signal(const char *value)
{
    settings.snapshot_signal = vmt_snapshot_signal(value);
    return settings.snapshot_signal != 0;
}

static bool set_scan(const char *value)
{
    static const char *const words[] = {"exit", "off", NULL};
    int index = pick(value, words);
    settings.scan = (enum settings_scan)index;
    return index >= 0;
}

static bool set_children(const char *value)
{
    static const char *const words[] = {"ignore", "fork", "follow", NULL};
    int index = pick(value, words);
    settings.follow_forks = index >= 1;
    settings.follow_execs = index == 2;
    return index >= 0;
}

static bool set_depth(const char *value)
{
    uint64_t number;
    if (!parse_number(value, false, 1, VMT_MAX_DEPTH, &number))
        return false;
    settings.depth = (uint32_t)number;
    return true;
}

static bool set_sample(const char *value)
{
    return parse_number(value, true, 0, VMT_MAX_SAMPLE_INTERVAL, &settings.sample);
}

static bool set_seed(const char *value)
{
    return parse_number(value, false, 0, UINT64_MAX, &settings.seed);
}

static bool set_interval(const char *value)
{
    uint64_t number;
    if (!parse_number(value, false, 1, 3600000, &number))
        return false;
    settings.interval_ms = (uint32_t)number;
    return true;
}

static bool set_max_size(const char *value)
{
    return parse_number(value, true, 2 * VMT_CHUNK_SIZE, UINT64_MAX, &settings.max_size);
}

static bool set_start(const char *value)
{
    static const char *const words[] = {"on", "paused", NULL};
    int index = pick(value, words);
    settings.start_paused = index == 1;
    return index >= 0;
}

static bool set_log(const char *value)
{
    static const char *const words[] = {"quiet", "errors", "summary", NULL};
    int index = pick(value, words);
    if (index >= 0)
        settings.log = (enum settings_log)index;
    return index >= 0;
}

static bool set_clock(const char *value)
{
    static const char *const words[] = {"auto", "tsc", "counter", NULL};
    int index = pick(value, words);
    settings.clock = (enum settings_clock)index;
    return index >= 0;
}

/* VMTRACE_LOG comes first: it decides whether the others may complain. */
static const struct {
    const char *name;
    bool (*set)(const char *value);
    const char *accepted;
} variables[] = {
    {"VMTRACE_LOG", set_log, "quiet, errors or summary"},
    {"VMTRACE_OUTPUT", set_output,
     "a path of at most 4095 bytes, in which %p %e %h %t %n and %% are replaced"},
    {"VMTRACE_FAULTS", set_faults, "auto, perf, rusage or off"},
    {"VMTRACE_FAULT_STACKS", set_fault_stacks, "off or, on x86-64, on"},
    {"VMTRACE_FREE_STACKS", set_free_stacks, "off or on"},
    {"VMTRACE_RESIDENCY", set_residency, "all, exit or off"},
    {"VMTRACE_SNAPSHOT_SIGNAL", set_snapshot_signal, VMT_SNAPSHOT_SIGNALS},
    {"VMTRACE_SCAN", set_scan, "exit or off"},
    {"VMTRACE_CHILDREN", set_children, "follow, fork or ignore"},
    {"VMTRACE_DEPTH", set_depth, "a number of frames from 1 to 4096"},
    {"VMTRACE_SAMPLE", set_sample,
     "0, or a number of bytes up to 1024G, with K, M or G, of which about one is sampled"},
    {"VMTRACE_SEED", set_seed, "a number"},
    {"VMTRACE_INTERVAL", set_interval, "milliseconds from 1 to 3600000"},
    {"VMTRACE_MAX_SIZE", set_max_size, "a size of at least 128K: a number with K, M or G"},
    {"VMTRACE_START", set_start, "on or paused"},
    {"VMTRACE_CLOCK", set_clock, "auto, tsc or counter"},
};
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

/* Which variable an entry "NAME=VALUE" of the environment sets, or -1. */
static int variable_of(const char *entry)
{
    for (int i = 0; i < VARIABLES; i++) {
        size_t length = strlen(variables[i].name);
        if (strncmp(entry, variables[i].name, length) == 0 && entry[length] == '=')
            return i;
    }
    return -1;
}

static void complain_unknown(const char *entry)
{
    settings_complain("%.*s: no such variable; known are VMTRACE_OUTPUT, _FAULTS, "
                      "_FAULT_STACKS, _FREE_STACKS, _RESIDENCY, _SNAPSHOT_SIGNAL, _SCAN, "
                      "_CHILDREN, _DEPTH, _SAMPLE, _SEED, _INTERVAL, _MAX_SIZE, _START, "
                      "_LOG and _CLOCK; the program runs untraced",
                      (int)strcspn(entry, "="), entry);
}

bool settings_is_of_check(const char *output)
{
    return strstr(output, "/" VMT_CHECK_FOLDER) != NULL;
}

bool settings_load(char **environment)
{
    const char *values[VARIABLES] = {NULL}, *unknown = NULL;
    for (char **entry = environment; *entry; entry++) {
        if (strncmp(*entry, "LD_PRELOAD=", 11) == 0 && strstr(*entry, "libvmtrace.so"))
            settings.preloaded = true;
        if (strncmp(*entry, "VMTRACE_", 8) != 0)
            continue;
        int variable = variable_of(*entry);
        if (variable < 0)
            unknown = unknown ? unknown : *entry;
        else if (!values[variable])
            values[variable] = strchr(*entry, '=') + 1;
    }
    for (int i = 0; i < VARIABLES; i++) {
        if (values[i] && !variables[i].set(values[i])) {
            settings_complain("%s=%s: not accepted; it may be %s; the program runs untraced",
                              variables[i].name, values[i], variables[i].accepted);
            return false;
        }
    }
    if (unknown)
        complain_unknown(unknown);
    return !unknown;
}
