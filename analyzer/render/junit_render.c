/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML as Jenkins, GitLab and others read it: a test case for each process, which fails with
 * what trips the gate; what could not be judged is an error, and what does not trip is output.
 * Schema: https://github.com/jenkinsci/xunit-plugin, junit-10.xsd
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/findings_render.h"
#include "render/xml.h"

struct case_sums {
    size_t failures, notes;
};

static bool concerns(const struct finding *finding, uint32_t process)
{
    for (size_t i = 0; i < finding->process_count; i++)
        if (finding->processes[i] == process)
            return true;
    return false;
}

static const char *program_name(const struct finding_process *process)
{
    const char *slash = process->exe ? strrchr(process->exe, '/') : NULL;
    return slash ? slash + 1 : process->exe ? process->exe : "process";
}

static bool write_finding(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    char *message = finding_message(set->arena, finding);
    char *stack = finding_stack_text(set->arena, &finding->stack, "    ");
    if (!message || !stack)
        return false;
    fputs("      <failure", out);
    xml_attribute(out, "type", finding->rule);
    xml_attribute(out, "message", message);
    fputc('>', out);
    xml_text(out, message);
    fputc('\n', out);
    xml_text(out, stack);
    fputs("</failure>\n", out);
    return true;
}

static bool write_notes(const struct finding_set *set, uint32_t process,
                        const struct render_options *options, FILE *out)
{
    fputs("      <system-out>", out);
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (finding->fatal || !finding_is_listed(finding, options) || !concerns(finding, process))
            continue;
        char *message = finding_message(set->arena, finding);
        if (!message)
            return false;
        fputs("not a failure: ", out);
        xml_text(out, message);
        fputc('\n', out);
    }
    fputs("</system-out>\n", out);
    return true;
}

static struct case_sums count_case(const struct finding_set *set, uint32_t process,
                                   const struct render_options *options)
{
    struct case_sums sums = {0};
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (!finding_is_listed(finding, options) || !concerns(finding, process))
            continue;
        if (finding->fatal)
            sums.failures++;
        else
            sums.notes++;
    }
    return sums;
}

static bool write_case(const struct finding_set *set, uint32_t index,
                       const struct render_options *options, FILE *out)
{
    const struct finding_process *process = &set->processes[index];
    struct case_sums sums = count_case(set, index, options);
    char *name =
        arena_printf(set->arena, "%s (pid %" PRIu32 ")", program_name(process), process->pid);
    if (!name)
        return false;
    fputs("    <testcase classname=\"vmtrace\"", out);
    xml_attribute(out, "name", name);
    fprintf(out, " time=\"%.3f\"", (double)process->duration_ns / 1e9);
    if (!process->unchecked && sums.failures + sums.notes == 0) {
        fputs("/>\n", out);
        return true;
    }
    fputs(">\n", out);
    if (process->unchecked) {
        fputs("      <error type=\"not-checked\"", out);
        xml_attribute(out, "message", process->unchecked);
        fputs("/>\n", out);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (finding->fatal && finding_is_listed(finding, options) && concerns(finding, index) &&
            !write_finding(set, finding, out))
            return false;
    }
    if (sums.notes && !write_notes(set, index, options, out))
        return false;
    fputs("    </testcase>\n", out);
    return true;
}

bool junit_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    size_t failures = 0, errors = 0;
    for (uint32_t i = 0; i < set->process_count; i++) {
        failures += count_case(set, i, options).failures > 0;
        errors += set->processes[i].unchecked != NULL;
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
