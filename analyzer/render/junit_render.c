/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML as Jenkins, GitLab and others read it: a test case for each process, which fails with
 * what trips the gate; what could not be judged is an error, and what does not trip is output.
 * Schema: https://github.com/jenkinsci/xunit-plugin, junit-10.xsd
 *
 * Servers follow a case from run to run by its name, so no pid is in that; of several failures of a
 * case Jenkins shows one, so there is only one; GitLab shows its text and not its message.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/xml.h"

enum {
    NAME_MOST = 200,   /* bytes of a command in a case's name */
    FINDINGS_MOST = 50 /* told of a case */
};

/* What one process has, of `set`. */
struct test_case {
    const struct finding_process *process;
    const struct finding *worst; /* the first failure, or NULL */
    size_t failures, notes;
};

static bool concerns(const struct finding *finding, uint32_t process)
{
    size_t low = 0, high = finding->process_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (finding->processes[middle] < process)
            low = middle + 1;
        else
            high = middle;
    }
    return low < finding->process_count && finding->processes[low] == process;
}

static struct test_case look_at(const struct finding_set *set, uint32_t process,
                                const struct render_options *options)
{
    struct test_case test = {.process = &set->processes[process]};
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (!finding_is_listed(finding, options) || !concerns(finding, process))
            continue;
        if (!finding->fatal)
            test.notes++;
        else if (test.failures++ == 0)
            test.worst = finding;
    }
    return test;
}

/* "app --quick two words". */
static char *command_name(struct arena *arena, const struct finding_process *process)
{
    const char *name = finding_process_name(process);
    size_t length = strlen(name);
    bool whole = length <= NAME_MOST;
    if (!whole)
        length = NAME_MOST;
    while (!whole && length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--; /* not within a character */
    return arena_printf(arena, "%.*s%s", (int)length, name, whole ? "" : "...");
}

static bool write_failure(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    char *message = finding_message(set->arena, finding);
    char *stacks = finding_stacks_text(set->arena, finding, "    ");
    bool good = message && stacks;
    if (good) {
        xml_text(out, message);
        fputc('\n', out);
        xml_text(out, stacks);
    }
    free(stacks);
    return good;
}

static bool write_note(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    char *message = finding_message(set->arena, finding);
    fputs("not a failure: ", out);
    xml_text(out, message);
    fputc('\n', out);
    return message != NULL;
}

/* The findings of a process that are failures, or that are none. */
static bool write_findings(const struct finding_set *set, uint32_t process, bool fatal,
                           size_t count, const struct render_options *options, FILE *out)
{
    size_t written = 0;
    for (size_t i = 0; i < set->count && written < FINDINGS_MOST; i++) {
        const struct finding *finding = &set->findings[i];
        if (finding->fatal != fatal || !finding_is_listed(finding, options) ||
            !concerns(finding, process))
            continue;
        written++;
        if (!(fatal ? write_failure(set, finding, out) : write_note(set, finding, out)))
            return false;
    }
    if (written < count)
        fprintf(out, "and %zu more\n", count - written);
    return true;
}

static bool write_failures(const struct finding_set *set, uint32_t process,
                           const struct test_case *test, const struct render_options *options,
                           FILE *out)
{
    char *worst = finding_message(set->arena, test->worst);
    if (worst && test->failures > 1)
        worst = arena_printf(set->arena, "%s; and %zu more", worst, test->failures - 1);
    if (!worst)
        return false;
    fputs("      <failure", out);
    xml_attribute(out, "type", test->worst->rule);
    xml_attribute(out, "message", worst);
    fprintf(out, ">in process %" PRIu32 ":\n", test->process->pid);
    if (!write_findings(set, process, true, test->failures, options, out))
        return false;
    if (test->process->unchecked) {
        fputs("not checked: ", out);
        xml_text(out, test->process->unchecked);
        fputc('\n', out);
    }
    fputs("</failure>\n", out);
    return true;
}

static bool write_notes(const struct finding_set *set, uint32_t process, size_t count,
                        const struct render_options *options, FILE *out)
{
    fputs("      <system-out>", out);
    bool good = write_findings(set, process, false, count, options, out);
    fputs("</system-out>\n", out);
    return good;
}

static void write_error(const struct finding_process *process, FILE *out)
{
    fputs("      <error type=\"not-checked\"", out);
    xml_attribute(out, "message", process->unchecked);
    fputc('>', out);
    xml_text(out, process->unchecked);
    fputs("</error>\n", out);
}

static bool write_case(const struct finding_set *set, uint32_t index,
                       const struct render_options *options, FILE *out)
{
    struct test_case test = look_at(set, index, options);
    char *name = command_name(set->arena, test.process);
    if (!name)
        return false;
    fputs("    <testcase classname=\"vmtrace\"", out);
    xml_attribute(out, "name", name);
    fprintf(out, " time=\"%.3f\"", (double)test.process->duration_ns / 1e9);
    if (!test.process->unchecked && test.failures + test.notes == 0) {
        fputs("/>\n", out);
        return true;
    }
    fputs(">\n", out);
    if (test.failures && !write_failures(set, index, &test, options, out))
        return false;
    if (test.process->unchecked && !test.failures)
        write_error(test.process, out);
    if (test.notes && !write_notes(set, index, test.notes, options, out))
        return false;
    fputs("    </testcase>\n", out);
    return true;
}

bool junit_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t failures = 0, errors = 0;
    for (uint32_t i = 0; i < set->process_count; i++) {
        bool failed = look_at(set, i, options).failures > 0;
        failures += failed;
        errors += set->processes[i].unchecked && !failed;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    fprintf(out, "  <testsuite name=\"vmtrace\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
            set->process_count, failures, errors);
    for (uint32_t i = 0; i < set->process_count; i++)
        if (!write_case(set, i, options, out))
            return false;
    fputs("  </testsuite>\n</testsuites>\n", out);
    return true;
}
