/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_common.h"
#include "cli/report_pattern.h"
#include "cli/report_suppressions.h"

const char *argp_program_version = "vmtrace-report " VMTRACE_VERSION;

enum {
    KEY_SECTION = 0x1000,  /* plus the number of the section's bit */
    KEY_NOT_HERE = 0x1100, /* plus an index into not_here */
    KEY_FORMAT = 0x1200,
    KEY_TOP,
    KEY_METRIC,
    KEY_KINDS,
    KEY_SYSROOT,
    KEY_DEBUG_DIR,
    KEY_COLOR,
    KEY_FULL_STACKS,
    KEY_SUPPRESSIONS,
    KEY_GEN_SUPPRESSIONS,
    KEY_READ_PARENT,
    KEY_DRY_RUN,
};

#define SECTION_OPTION(name, bit, text)                                                            \
    {                                                                                              \
        name, KEY_SECTION + (bit), NULL, 0, text, 1                                                \
    }
#define NOT_HERE_OPTION(name, index, argument)                                                     \
    {                                                                                              \
        name, KEY_NOT_HERE + (index), argument, OPTION_HIDDEN, NULL, 0                             \
    }

/* Promised to users for a later version: refused aloud, never ignored. */
static const char *const not_here[] = {
    "--diff",
    "--from",
    "--to",
};
static const char *const formats_not_here[] = {"html", "pprof", "massif", NULL};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0,
     "Sections of the text report (default: summary, errors, leaks, growth, "
     "faults; phases and pools when there are any):",
     1},
    SECTION_OPTION("summary", 0, "Totals, peak, RSS, page faults"),
    SECTION_OPTION("errors", 1, "Wrong frees and fatal signals"),
    SECTION_OPTION("leaks", 2, "What was not freed, by call stack"),
    SECTION_OPTION("growth", 3, "RSS and heap over time, and who held memory in the end"),
    SECTION_OPTION("faults", 4, "Page faults: who touched whose memory"),
    SECTION_OPTION("peak", 5, "What was live when the heap was largest"),
    SECTION_OPTION("temporary", 6, "Blocks freed before their thread allocated again"),
    SECTION_OPTION("sites", 7, "All call stacks, by bytes and by calls"),
    SECTION_OPTION("phases", 8, "Phases and snapshots that the program named"),
    SECTION_OPTION("pools", 9, "The program's own allocators, as announced by it"),
    SECTION_OPTION("mappings", 10, "The program's own mmap calls, by call stack"),
    SECTION_OPTION("threads", 11, "Allocations and faults of each thread"),
    SECTION_OPTION("map", 12, "The address space at the last snapshot: size, resident, whose"),
    SECTION_OPTION("retention", 13, "Why what is not lost is alive, and what keeps most of it"),
    {NULL, 0, NULL, 0, "What is shown, and how:", 2},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "text (default), json, folded (for flame graphs); findings of all traces together: check (a "
     "verdict in text), junit, sarif, gitlab, github, markdown; of each trace: valgrind, "
     "valgrind-xml",
     2},
    {"output", 'o', "FILE", 0,
     "Write to FILE, which appears only when it is complete; with %p (the pid) in it, formats of "
     "one process write a file for each; %% is a percent sign",
     2},
    {"quiet", 'q', NULL, 0, "Only what was found, without totals (check, valgrind)", 2},
    {"top", KEY_TOP, "N", 0,
     "Rows of each section of the text (default 10; 0: all), entries of json's lists (default all)",
     2},
    {"full-stacks", KEY_FULL_STACKS, NULL, 0, "Show every frame, and long names whole", 2},
    {"show-leak-kinds", KEY_KINDS, "CLASSES", 0,
     "Leaks to list: definite, indirect, possible, reachable, all or none (default "
     "definite,indirect,possible). Blocks of a trace without a reachability scan may be of any "
     "class and are listed with all choices but none",
     2},
    {"suppressions", KEY_SUPPRESSIONS, "FILE", 0,
     "Leaks and errors that FILE names do not count: LeakSanitizer's or valgrind's format; "
     "repeatable",
     2},
    {"gen-suppressions", KEY_GEN_SUPPRESSIONS, "FORMAT", OPTION_ARG_OPTIONAL,
     "Print suppressions for what would be reported: valgrind (default), lsan", 2},
    {"dry-run", KEY_DRY_RUN, NULL, OPTION_HIDDEN, "Only look whether the options can be followed",
     2},
    {"read-parent", KEY_READ_PARENT, NULL, 0,
     "Of a forked child: read the parent's trace even if it is much larger than the child's", 2},
    {"metric", KEY_METRIC, "M", 0,
     "What folded counts: allocated (default), allocations, leaked, peak, temporary, "
     "faults, resident",
     2},
    {"color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal, unless NO_COLOR), always, never",
     2},
    {NULL, 0, NULL, 0, "Where names and lines come from:", 3},
    {"sysroot", KEY_SYSROOT, "DIR", 0, "The traced machine's files are below DIR", 3},
    {"debug-dir", KEY_DEBUG_DIR, "DIR", 0, "Look for separate debug files in DIR too; repeatable",
     3},
    NOT_HERE_OPTION("diff", 0, "TRACE"),
    NOT_HERE_OPTION("from", 1, "T"),
    NOT_HERE_OPTION("to", 2, "T"),
    {0},
};

static const char usage[] = "TRACE...";
static const char description[] =
    "Report leaks, memory growth and page faults from traces that libvmtrace.so recorded.\v"
    "Not in this version (" VMTRACE_VERSION "), and refused: --diff, --from, --to, and the "
    "formats html, pprof and massif.\n\n"
    "Exit status: 0 the report was made and no gate tripped, 23 (--error-exitcode) a gate tripped, "
    "2 bad usage, 3 a trace cannot be read or judged, or the report cannot be "
    "written. See vmtrace-report(1).";

static void set_format(struct report_settings *settings, const char *name)
{
    settings->renderer = renderer_find(name);
    if (settings->renderer)
        return;
    for (size_t i = 0; formats_not_here[i]; i++)
        if (strcmp(formats_not_here[i], name) == 0)
            cli_usage_error("--format=%s is not in this version (" VMTRACE_VERSION
                            "); vmtrace-report --help lists what is",
                            name);
    cli_usage_error("--format=%s: no such format; vmtrace-report --help lists them", name);
}

static void set_metric(struct report_settings *settings, const char *name)
{
    int metric = render_metric_find(name);
    if (metric < 0)
        cli_usage_error("--metric=%s: no such metric; there are allocated, allocations, leaked, "
                        "peak, temporary, faults and resident",
                        name);
    settings->render.metric = (enum render_metric)metric;
}

static unsigned leak_class(const char *name, size_t length)
{
    static const struct {
        const char *name;
        unsigned bits;
    } classes[] = {
        {"definite", RENDER_LEAK_BIT(REPORT_LEAK_DEFINITE)},
        {"indirect", RENDER_LEAK_BIT(REPORT_LEAK_INDIRECT)},
        {"possible", RENDER_LEAK_BIT(REPORT_LEAK_POSSIBLE)},
        {"reachable", RENDER_LEAK_BIT(REPORT_LEAK_REACHABLE)},
        {"all", RENDER_LEAK_BIT(REPORT_LEAK_DEFINITE) | RENDER_LEAK_BIT(REPORT_LEAK_INDIRECT) |
                    RENDER_LEAK_BIT(REPORT_LEAK_POSSIBLE) | RENDER_LEAK_BIT(REPORT_LEAK_REACHABLE)},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strlen(classes[i].name) == length && memcmp(classes[i].name, name, length) == 0)
            return classes[i].bits | RENDER_LEAK_BIT(REPORT_LEAK_UNSCANNED);
    return 0;
}

static void set_leak_classes(struct report_settings *settings, const char *list)
{
    unsigned classes = 0;
    settings->render.leak_classes = 0;
    if (strcmp(list, "none") == 0)
        return;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        unsigned class = leak_class(at, length);
        if (class == 0)
            cli_usage_error("--show-leak-kinds=%s: '%.*s' is no class; there are definite, "
                            "indirect, possible, reachable, all and none",
                            list, (int)length, at);
        classes |= class;
        at += length;
        if (*at == '\0')
            break;
    }
    settings->render.leak_classes = classes;
}

static void set_color(struct report_settings *settings, const char *when)
{
    static const char *const words[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(words[i], when) == 0) {
            settings->color = (enum report_color)i;
            return;
        }
    }
    cli_usage_error("--color=%s: it may be auto, always or never", when);
}

static void set_top(struct report_settings *settings, const char *text)
{
    uint64_t top;
    if (!cli_parse_number(text, false, 0, SIZE_MAX, &top))
        cli_usage_error("--top=%s: it wants a number of rows, 0 for all", text);
    settings->render.top = settings->render.json_top = (size_t)top;
}

static error_t add_debug_dir(struct report_settings *settings, const char *directory)
{
    const char **more = realloc(settings->debug_dirs,
                                (settings->debug_dir_count + 2) * sizeof(*settings->debug_dirs));
    if (more == NULL)
        return ENOMEM;
    settings->debug_dirs = more;
    more[settings->debug_dir_count++] = directory;
    more[settings->debug_dir_count] = NULL;
    return 0;
}

static error_t parse_value(struct report_settings *settings, int key, char *value)
{
    switch (key) {
    case KEY_FORMAT:
        set_format(settings, value);
        settings->format_chosen = true;
        return 0;
    case KEY_TOP:
        set_top(settings, value);
        return 0;
    case KEY_METRIC:
        set_metric(settings, value);
        return 0;
    case KEY_KINDS:
        set_leak_classes(settings, value);
        return 0;
    case KEY_COLOR:
        set_color(settings, value);
        return 0;
    case KEY_SYSROOT:
        settings->sysroot = value;
        return 0;
    case KEY_DEBUG_DIR:
        return add_debug_dir(settings, value);
    case KEY_SUPPRESSIONS:
        report_suppressions_read(settings, value);
        return 0;
    case KEY_GEN_SUPPRESSIONS:
        report_suppressions_generate(settings, value);
        return 0;
    case KEY_DRY_RUN:
        settings->dry_run = true;
        return 0;
    case KEY_READ_PARENT:
        settings->read_parent = true;
        return 0;
    case KEY_FULL_STACKS:
        settings->render.full_stacks = true;
        return 0;
    case 'q':
        settings->render.quiet = true;
        return 0;
    case 'o':
        settings->output = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct report_settings *settings = state->input;
    if (key >= KEY_SECTION && key < KEY_NOT_HERE) {
        settings->render.sections |= 1u << (key - KEY_SECTION);
        return 0;
    }
    if (key >= KEY_NOT_HERE && key < KEY_FORMAT)
        cli_usage_error("%s is not in this version (" VMTRACE_VERSION
                        "); vmtrace-report --help lists what is",
                        not_here[key - KEY_NOT_HERE]);
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->gate;
        return 0;
    case ARGP_KEY_ARGS:
        report_traces_gather(&settings->traces, state->argv + state->next,
                             (size_t)(state->argc - state->next));
        return 0;
    case ARGP_KEY_NO_ARGS:
        if (settings->dry_run)
            return 0;
        cli_usage_error("no trace was named; usage: vmtrace-report [OPTION...] TRACE... "
                        "(--help says more)");
    default:
        return parse_value(settings, key, value);
    }
}

static void check_combination(const struct report_settings *settings)
{
    if (settings->traces.count > 1 && !settings->renderer->concatenates &&
        !settings->renderer->per_process && !settings->output_each)
        cli_usage_error("--format=%s makes one document of one trace; %zu were named (with "
                        "--output=FILE.%%p each gets one)",
                        settings->renderer->name, settings->traces.count);
    if (settings->output_each && settings->renderer->findings && !settings->renderer->per_process)
        cli_usage_error("--output=%s: --format=%s makes one document of all processes, so there is "
                        "no pid for %%p (write %%%%p for a name with %%p in it)",
                        settings->output, settings->renderer->name);
    if (settings->render.sections != 0 && settings->renderer->render != text_render)
        cli_usage_error("sections (--summary, --leaks, ...) can be chosen in text only; "
                        "--format=%s always has all of them",
                        settings->renderer->name);
}

static void set_output(struct report_settings *settings)
{
    const char *given = settings->output;
    if (!given)
        return;
    settings->output_each = report_pattern_has_pid(given);
    settings->output = settings->output_each ? strdup(given) : report_pattern_expand(given, 0);
    if (!settings->output) {
        cli_error("out of memory");
        exit(CLI_UNREADABLE);
    }
}

void report_options_parse(struct report_settings *settings, int argc, char **argv)
{
    static const struct argp_child children[] = {{&gate_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {options,  parse_option, usage, description,
                                     children, NULL,         NULL};
    size_t first = 0;
    *settings = (struct report_settings){
        .renderer = renderer_next(&first),
        .render = {.top = 10, .metric = RENDER_METRIC_ALLOCATED},
    };
    settings->render.leak_classes =
        RENDER_LEAK_BIT(REPORT_LEAK_DEFINITE) | RENDER_LEAK_BIT(REPORT_LEAK_INDIRECT) |
        RENDER_LEAK_BIT(REPORT_LEAK_POSSIBLE) | RENDER_LEAK_BIT(REPORT_LEAK_UNSCANNED);
    gate_settings_init(&settings->gate);
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, settings);
    if (error != 0) {
        cli_error("%s", strerror(error));
        exit(CLI_UNREADABLE);
    }
    gate_settings_finish(&settings->gate);
    set_output(settings);
    report_suppressions_place(settings);
    check_combination(settings);
    report_suppressions_finish(settings);
}

void report_options_release(struct report_settings *settings)
{
    free(settings->output);
    free(settings->debug_dirs);
    gate_settings_release(&settings->gate);
    report_traces_release(&settings->traces);
    suppression_list_free(settings->suppressions);
}
