/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valgrind's XML, protocol 4 of memcheck: docs/internals/xml-output-protocol4.txt in valgrind's
 * sources.  Addresses are those in the binary, not of the process.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/utf8.h"
#include "render/valgrind_common.h"
#include "render/xml.h"

static bool write_file(const struct finding_set *set, const struct report_frame *frame, FILE *out)
{
    const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;
    if (!frame->file)
        return true;
    if (slash) {
        char *folder = arena_string(set->arena, frame->file, (size_t)(slash - frame->file));
        if (!folder)
            return false;
        xml_element(out, 6, "dir", folder);
    }
    xml_element(out, 6, "file", slash ? slash + 1 : frame->file);
    if (frame->line > 0)
        fprintf(out, "      <line>%d</line>\n", frame->line);
    return true;
}

static bool write_stack(const struct finding_set *set, const struct finding_stack *stack, FILE *out)
{
    fputs("  <stack>\n", out);
    for (size_t i = 0; i < stack->count; i++) {
        const struct report_frame *frame = &stack->frames[i];
        fprintf(out, "    <frame>\n      <ip>0x%" PRIX64 "</ip>\n", frame->offset);
        xml_element(out, 6, "obj", frame->module);
        xml_element(out, 6, "fn", frame->function);
        if (!write_file(set, frame, out))
            return false;
        fputs("    </frame>\n", out);
    }
    if (stack->count == 0) /* the protocol wants a frame */
        fputs("    <frame>\n      <ip>0x0</ip>\n    </frame>\n", out);
    fputs("  </stack>\n", out);
    return true;
}

static bool write_what(const struct finding_set *set, const struct finding *finding, size_t record,
                       size_t records, FILE *out)
{
    char *what = valgrind_what(set->arena, finding, record, records);
    if (!what)
        return false;
    if (finding->kind != FINDING_LEAK) {
        xml_element(out, 2, "what", what);
        return true;
    }
    fputs("  <xwhat>\n", out);
    xml_element(out, 4, "text", what);
    fprintf(out,
            "    <leakedbytes>%" PRIu64 "</leakedbytes>\n    <leakedblocks>%" PRIu64
            "</leakedblocks>\n  </xwhat>\n",
            finding->bytes + finding->indirect_bytes, finding->blocks);
    return true;
}

static bool write_also(const struct finding_set *set, const char *what,
                       const struct finding_stack *stack, FILE *out)
{
    if (stack->count == 0)
        return true;
    xml_element(out, 2, "auxwhat", what);
    return write_stack(set, stack, out);
}

/* Within <![CDATA[ ]]>, where nothing can be escaped: what would end it is taken apart, and bytes
 * that XML does not allow become "?", a wildcard of suppressions. */
static void write_raw(FILE *out, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t character = 0;
        size_t length = utf8_decode(text, left, &character);
        bool bad = length == 0 || (character < 0x20 && character != '\n') ||
                   (character >= 0x7f && character < 0xa0) || character == 0xfffe ||
                   character == 0xffff;
        if (strncmp(text, "]]>", 3) == 0) {
            fputs("]]]]><![CDATA[>", out);
            length = 3;
        } else if (bad) {
            fputc('?', out);
        } else {
            fwrite(text, 1, length, out);
        }
        text += length ? length : 1;
        left -= length ? length : 1;
    }
}

/* A line of a suppression as an element.  "...", any number of frames, has none. */
static void write_suppression_line(FILE *out, const char *line, size_t number)
{
    const char *value = strchr(line, ':');
    if (number == 1)
        xml_element(out, 4, "sname", line);
    else if (number == 2)
        xml_element(out, 4, "skind", line);
    else if (strncmp(line, "match-leak-kinds:", 17) == 0)
        xml_element(out, 4, "skaux", line);
    else if (value && (strncmp(line, "fun:", 4) == 0 || strncmp(line, "obj:", 4) == 0)) {
        fputs("    <sframe> ", out);
        fprintf(out, "<%.3s>", line);
        xml_text(out, value + 1);
        fprintf(out, "</%.3s> </sframe>\n", line);
    }
}

static bool write_suppression(const struct finding *finding, FILE *out)
{
    char *text = NULL, *copy, *rest, *line;
    size_t size = 0, number = 0;
    FILE *memory = open_memstream(&text, &size);
    bool any = memory && finding_suppress(finding, memory);
    if (!memory || fclose(memory) != 0 || !any || !(copy = strdup(text))) {
        free(text);
        return memory && !any;
    }
    fputs("  <suppression>\n", out);
    for (rest = copy; (line = strsep(&rest, "\n")) != NULL; number++)
        write_suppression_line(out, line + strspn(line, " "), number);
    fputs("    <rawtext>\n<![CDATA[\n", out);
    write_raw(out, text);
    fputs("]]>\n    </rawtext>\n  </suppression>\n", out);
    free(copy);
    free(text);
    return true;
}

static bool write_address(const struct finding_set *set, const struct finding *finding, FILE *out)
{
    if (finding->kind != FINDING_ERROR || finding->address == REPORT_UNKNOWN)
        return true;
    char *text = arena_printf(set->arena, "Address 0x%" PRIx64 " is %s", finding->address,
                              finding->detail ? finding->detail : "not known");
    xml_element(out, 2, "auxwhat", text);
    return text != NULL;
}

static bool write_error(const struct finding_set *set, const struct finding *finding, size_t unique,
                        size_t record, size_t records, bool suppression, FILE *out)
{
    fprintf(out, "<error>\n  <unique>0x%zx</unique>\n  <tid>1</tid>\n", unique);
    xml_element(out, 2, "kind", valgrind_kind(finding));
    bool good = write_what(set, finding, record, records, out) &&
                write_stack(set, &finding->stack, out) && write_address(set, finding, out) &&
                write_also(set, "Block was freed", &finding->freed, out) &&
                write_also(set, "Block was alloc'd at", &finding->allocated, out) &&
                (!suppression || write_suppression(finding, out));
    fputs("</error>\n\n", out);
    return good;
}

static bool write_fatal_signal(const struct finding_set *set, const struct finding *finding,
                               FILE *out)
{
    char *what = finding_message(set->arena, finding);
    int number = valgrind_signal(finding);
    const char *name = sigabbrev_np(number);
    if (!what)
        return false;
    fprintf(out, "<fatal_signal>\n  <tid>1</tid>\n  <signo>%d</signo>\n", number);
    fprintf(out, "  <signame>SIG%s</signame>\n  <sicode>0</sicode>\n", name ? name : "");
    xml_element(out, 2, "event", what);
    if (finding->address != REPORT_UNKNOWN)
        fprintf(out, "  <siaddr>0x%" PRIX64 "</siaddr>\n", finding->address);
    bool good = write_stack(set, &finding->stack, out);
    fputs("</fatal_signal>\n\n", out);
    return good;
}

static void write_command(const struct finding_process *process, FILE *out)
{
    fputs("<args>\n  <vargv>\n    <exe>vmtrace</exe>\n  </vargv>\n  <argv>\n", out);
    xml_element(out, 4, "exe", process->exe ? process->exe : "");
    for (size_t i = 1; i < process->argc; i++)
        xml_element(out, 4, "arg", process->argv[i]);
    fputs("  </argv>\n</args>\n\n", out);
}

static void write_status(const char *state, uint64_t ns, FILE *out)
{
    uint64_t ms = ns / 1000000;
    fprintf(out,
            "<status>\n  <state>%s</state>\n  <time>%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
            ":%02" PRIu64 ".%03" PRIu64 " </time>\n</status>\n\n",
            state, ms / 86400000, ms / 3600000 % 24, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static void write_head(const struct finding_set *set, FILE *out)
{
    const struct finding_process *process = &set->processes[0];
    fputs("<?xml version=\"1.0\"?>\n\n<valgrindoutput>\n\n"
          "<protocolversion>4</protocolversion>\n<protocoltool>memcheck</protocoltool>\n\n"
          "<preamble>\n  <line>vmtrace, a memory tracer</line>\n",
          out);
    if (process->unchecked) {
        fputs("  <line>leaks could not be judged: ", out);
        xml_text(out, process->unchecked);
        fputs("</line>\n", out);
    }
    for (size_t i = 1; i < set->process_count; i++) { /* children that left no trace */
        if (!set->processes[i].unchecked)
            continue;
        fputs("  <line>not checked: ", out);
        xml_text(out, set->processes[i].command);
        fputs(": ", out);
        xml_text(out, set->processes[i].unchecked);
        fputs("</line>\n", out);
    }
    fprintf(out,
            "</preamble>\n\n<pid>%" PRIu32 "</pid>\n<ppid>%" PRIu32 "</ppid>\n"
            "<tool>memcheck</tool>\n\n",
            process->pid, process->ppid);
    write_command(process, out);
    write_status("RUNNING", 0, out);
}

static void write_counts(const struct finding_set *set, FILE *out)
{
    fputs("<errorcounts>\n", out);
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        if (finding->kind == FINDING_ERROR && valgrind_kind(finding))
            fprintf(out,
                    "  <pair>\n    <count>%" PRIu64 "</count>\n    <unique>0x%zx</unique>\n"
                    "  </pair>\n",
                    finding->count, i);
    }
    fputs("</errorcounts>\n\n<suppcounts>\n</suppcounts>\n\n", out);
}

/* Leaks come behind the end, as valgrind looks for them then. */
bool valgrind_xml_render(const struct finding_set *set, const struct render_options *options,
                         FILE *out)
{
    const struct finding_process *process = &set->processes[0];
    size_t record = 0, records = valgrind_records(set, options);
    bool ended = false;
    write_head(set, out);
    for (size_t i = 0; i < set->count; i++) {
        const struct finding *finding = &set->findings[i];
        bool leak = finding->kind == FINDING_LEAK;
        if (!finding_is_listed(finding, options))
            continue;
        if (leak && !ended)
            write_status("FINISHED", process->duration_ns, out);
        ended |= leak;
        record += leak;
        bool good = valgrind_kind(finding)
                        ? write_error(set, finding, i, record, records, options->suppressions, out)
                        : write_fatal_signal(set, finding, out);
        if (!good)
            return false;
    }
    if (!ended)
        write_status("FINISHED", process->duration_ns, out);
    write_counts(set, out);
    fputs("</valgrindoutput>\n", out);
    return true;
}
