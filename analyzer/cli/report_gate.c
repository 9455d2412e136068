/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_gate.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmtrace/exec_file.h>

#include "cli/cli_common.h"
#include "cli/report_output.h"
#include "cli/report_remove.h"
#include "render/findings_render.h"

void report_gate_begin(struct report_gate *gate, const struct report_settings *settings)
{
    const struct gate_settings *asked = &settings->gate;
    *gate = (struct report_gate){.settings = settings};
    gate->wanted = asked->asked || asked->save_baseline || asked->remove_all ||
                   (settings->renderer->findings && !settings->renderer->per_process);
    if (!finding_set_init(&gate->findings) || !baseline_init(&gate->baseline)) {
        cli_error("out of memory");
        exit(CLI_UNREADABLE);
    }
    for (size_t i = 0; i < asked->baseline_count; i++) {
        struct error error;
        if (baseline_load(&gate->baseline, asked->baselines[i], &error) != VMT_OK)
            cli_usage_error("--baseline=%s", error.message); /* begins with its name */
    }
}

/* PID:REASON:COMMAND, from `vmtrace check`; the reason is a VMT_UNFOLLOWED_*, 0: it still runs. */
static bool add_untraced(struct finding_set *set, const char *text)
{
    char *at;
    uint32_t pid = (uint32_t)strtoul(text, &at, 10);
    const char *reason = exec_file_words(*at ? strtoul(at + 1, &at, 10) : 0);
    return finding_set_add_untraced(set, pid, *at ? at + 1 : "", reason ? reason : "it still runs");
}

void report_gate_release(struct report_gate *gate)
{
    finding_set_release(&gate->findings);
    baseline_release(&gate->baseline);
}

bool report_gate_add(struct report_gate *gate, const struct report *report)
{
    return !gate->wanted || finding_set_add(&gate->findings, report);
}

bool report_gate_add_unread(struct report_gate *gate, const char *path, bool is_trace)
{
    return !gate->wanted ||
           finding_set_add_unread(&gate->findings, 0, path, is_trace, "its trace cannot be read");
}

static bool judge(const struct report_gate *gate, struct finding_set *set,
                  struct baseline *baseline, enum gate_verdict *verdict)
{
    const struct gate_settings *asked = &gate->settings->gate;
    if (!finding_set_finish(set) || (asked->baseline_count && !baseline_compare(baseline, set)))
        return false;
    *verdict = gate_judge(&asked->gate, set);
    return true;
}

/* Suppressions come behind the texts; a file that other programs read has no place for them. */
static bool render(const struct report_settings *settings, const struct finding_set *set, FILE *out)
{
    return settings->renderer->findings(set, &settings->render, out) &&
           (!settings->generate || settings->gate.verdict ||
            findings_suppress(settings->generate, set, &settings->render, out));
}

bool report_gate_render_one(const struct report_gate *gate, const struct report *report, FILE *out)
{
    struct finding_set set;
    struct baseline baseline = gate->baseline;
    enum gate_verdict verdict;
    bool good = finding_set_init(&set) && finding_set_add(&set, report) &&
                judge(gate, &set, &baseline, &verdict) && render(gate->settings, &set, out);
    finding_set_release(&set);
    return good;
}

bool report_gate_render(const struct report_gate *gate, FILE *out)
{
    return render(gate->settings, &gate->findings, out);
}

/* On standard error, beside a format that goes elsewhere. */
static bool write_verdict(const struct report_gate *gate)
{
    const struct report_settings *settings = gate->settings;
    struct render_options options = settings->render;
    if (settings->color == REPORT_COLOR_AUTO)
        options.color &= isatty(STDERR_FILENO);
    return check_render(&gate->findings, &options, stderr) &&
           (!settings->generate ||
            findings_suppress(settings->generate, &gate->findings, &options, stderr));
}

/* False: a message was printed. */
static bool save_baseline(struct report_gate *gate)
{
    const struct report_settings *settings = gate->settings;
    struct report_output output = {0};
    unsigned classes = settings->render.leak_classes | settings->gate.gate.classes;
    if (!baseline_add(&gate->baseline, &gate->findings, classes)) {
        cli_error("out of memory");
        return false;
    }
    if (!report_output_open(&output, settings->gate.save_baseline))
        return false;
    baseline_write(&gate->baseline, output.stream);
    return report_output_close(&output, true);
}

/* https://docs.github.com/actions/reference/workflow-commands-for-github-actions: what is appended
 * to this file is shown with the job.  False: a message was printed. */
static bool write_job_summary(const struct report_gate *gate)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    if (gate->settings->renderer->findings != github_render || !path || !*path)
        return true;
    FILE *file = fopen(path, "ae");
    bool good = file && markdown_render(&gate->findings, &gate->settings->render, file);
    if (!file || fclose(file) != 0 || !good) {
        cli_error("cannot write the job's summary %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

#define MOST_FIXED 5 /* lines; a check of a part of the tests has many */

/* "  - definite-leak: parse_row @ table"; the file may hold anything. */
static void tell_entry(const char *key)
{
    int kind = (int)strcspn(key, "\n");
    const char *frame = key[kind] ? key + kind + 1 : "";
    fprintf(stderr, "  - %.*s%s", kind, key, *frame ? ": " : "");
    for (; *frame && *frame != '\n'; frame++)
        fputc(iscntrl((unsigned char)*frame) ? '?' : *frame, stderr);
    fputc('\n', stderr);
}

/* What the baseline knows and did not happen: somebody may delete it. */
static void tell_fixed(const struct baseline *baseline)
{
    size_t fixed = 0, told = 0;
    for (size_t i = 0; i < baseline->count; i++)
        fixed += !baseline->entries[i].seen;
    if (!fixed)
        return;
    fprintf(stderr, "vmtrace: %zu of %zu findings of the baseline did not occur:\n", fixed,
            baseline->count);
    for (size_t i = 0; i < baseline->count && told < MOST_FIXED; i++)
        if (!baseline->entries[i].seen && ++told)
            tell_entry(baseline->entries[i].key);
    if (fixed > told)
        fprintf(stderr, "  - and %zu more\n", fixed - told);
}

/* What --only does, so that it hides nothing silently. */
static void tell_only(const struct finding_set *set)
{
    size_t others = 0, unknown = 0, rest = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        others += finding->whose == FINDING_OTHERS;
        unknown += finding->whose == FINDING_UNKNOWN;
        rest += finding->fatal;
    }
    if (others)
        fprintf(stderr, "vmtrace: --only left out %zu finding%s that would fail the check%s\n",
                others, others == 1 ? "" : "s", rest ? "" : ", and nothing else does");
    if (unknown)
        fprintf(stderr,
                "vmtrace: %zu finding%s a function without debug information; whether --only names "
                "its file is not known\n",
                unknown, unknown == 1 ? " has" : "s have");
}

int report_gate_finish(struct report_gate *gate)
{
    const struct gate_settings *asked = &gate->settings->gate;
    int status = CLI_OK;
    bool good = true;
    if (!gate->wanted)
        return CLI_OK;
    for (size_t i = 0; i < asked->untraced_count && good; i++)
        good = add_untraced(&gate->findings, asked->untraced[i]);
    if (!good || !judge(gate, &gate->findings, &gate->baseline, &gate->verdict)) {
        cli_error("out of memory");
        return CLI_UNREADABLE;
    }
    if (asked->verdict && !write_verdict(gate))
        status = CLI_UNREADABLE;
    if (asked->baseline_count && !gate->settings->render.quiet)
        tell_fixed(&gate->baseline);
    if (asked->gate.only_count && !gate->settings->render.quiet)
        tell_only(&gate->findings);
    if (!write_job_summary(gate))
        status = CLI_UNREADABLE;
    if (asked->save_baseline && !save_baseline(gate))
        status = CLI_UNREADABLE;
    if (asked->remove_clean || asked->remove_all)
        report_remove_traces(&gate->findings, asked->remove_all);
    if (!asked->asked)
        return status;
    if (gate->verdict == GATE_TRIPPED)
        return asked->exitcode;
    if (gate->verdict == GATE_UNJUDGED && asked->gate.strict &&
        finding_set_checked(&gate->findings))
        cli_error("--strict: some processes could not be checked");
    return gate->verdict == GATE_UNJUDGED ? CLI_UNREADABLE : status;
}
