/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 * Paths are relative to %SRCROOT%, so code hosts show results beside the lines.
 */
#include <inttypes.h>
#include <string.h>

#include "gate/finding_rules.h"
#include "render/findings_render.h"
#include "render/json_stream.h"

static json_t *message(const char *text)
{
    json_t *object = json_object();
    json_add(&object, "text", json_text(text));
    return object;
}

static json_t *list_of(json_t *item)
{
    json_t *list = json_array();
    if (list && item && json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static void append(json_t **list, json_t *item)
{
    if (!*list || !item || json_array_append_new(*list, item) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

static json_t *rule_list(void)
{
    json_t *list = json_array();
    size_t position = 0;
    for (const struct finding_rule *known; (known = finding_rule_next(&position));) {
        json_t *rule = json_object();
        json_add(&rule, "id", json_text(known->id));
        json_add(&rule, "shortDescription", message(known->description));
        append(&list, rule);
    }
    return list;
}

static json_t *rule_index(const char *id)
{
    size_t position = 0;
    for (const struct finding_rule *known; (known = finding_rule_next(&position));)
        if (strcmp(known->id, id) == 0)
            return json_integer((json_int_t)position - 1);
    return json_integer(-1);
}

/* Bytes that a URI does not allow as they are (RFC 3986), percent-encoded. */
static json_t *uri(const struct finding_set *set, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~/!$&'()*+,;=@";
    char *text = arena_alloc(set->arena, 3 * strlen(path) + 1), *at = text;
    if (!text)
        return NULL;
    for (; *path; path++) {
        if (strchr(plain, *path))
            *at++ = *path;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*path);
    }
    *at = '\0';
    return json_text(text);
}

static json_t *artifact(const struct finding_set *set, const char *file)
{
    json_t *object = json_object();
    const char *path = finding_relative_path(file);
    if (*path == '/') {
        char *whole = arena_printf(set->arena, "file://%s", path);
        json_add(&object, "uri", whole ? uri(set, path) : NULL);
    } else {
        json_add(&object, "uri", uri(set, path));
        json_add(&object, "uriBaseId", json_text("%SRCROOT%"));
    }
    return object;
}

static json_t *location(const struct finding_set *set, const struct report_frame *frame)
{
    json_t *object = json_object(), *physical = json_object(), *logical = json_object();
    json_t *region = json_object();
    if (frame->file && frame->line > 0) {
        json_add(&region, "startLine", json_integer(frame->line));
        json_add(&physical, "artifactLocation", artifact(set, frame->file));
        json_add(&physical, "region", region);
        json_add(&object, "physicalLocation", physical);
    } else {
        json_decref(region);
        json_decref(physical);
    }
    json_add(&logical, "fullyQualifiedName",
             json_text(frame->function ? frame->function
                       : frame->module ? frame->module
                                       : "?"));
    json_add(&object, "logicalLocations", list_of(logical));
    return object;
}

static json_t *stack(const struct finding_set *set, const struct finding_stack *from,
                     const char *what)
{
    json_t *object = json_object(), *frames = json_array();
    for (size_t i = 0; i < from->count; i++) {
        json_t *frame = json_object();
        json_add(&frame, "location", location(set, &from->frames[i]));
        if (from->frames[i].module)
            json_add(&frame, "module", json_text(from->frames[i].module));
        append(&frames, frame);
    }
    json_add(&object, "message", message(what));
    json_add(&object, "frames", frames);
    return object;
}

static json_t *stacks(const struct finding_set *set, const struct finding *finding)
{
    json_t *list = json_array();
    if (finding->stack.count)
        append(&list, stack(set, &finding->stack,
                            finding->kind == FINDING_LEAK ? "allocated by" : "happened in"));
    if (finding->allocated.count)
        append(&list, stack(set, &finding->allocated, "the block was allocated by"));
    if (finding->freed.count)
        append(&list, stack(set, &finding->freed, "it had been freed by"));
    return list;
}

static json_t *fingerprints(const struct finding *finding)
{
    char text[24];
    json_t *object = json_object();
    snprintf(text, sizeof(text), "%016" PRIx64, finding->fingerprint);
    json_add(&object, "vmtrace/v1", json_text(text));
    return object;
}

static json_t *properties(const struct finding_set *set, const struct finding *finding)
{
    json_t *object = json_object(), *pids = json_array();
    for (size_t i = 0; i < finding->process_count; i++)
        append(&pids, json_integer(set->processes[finding->processes[i]].pid));
    if (finding->kind == FINDING_LEAK) {
        json_add(&object, "bytes", json_count(finding->bytes));
        json_add(&object, "blocks", json_count(finding->blocks));
    }
    json_add(&object, "processes", pids);
    return object;
}

static json_t *result(const struct finding_set *set, const struct finding *finding)
{
    static const char *const states[] = {
        [FINDING_NEW] = "new", [FINDING_GROWN] = "updated", [FINDING_KNOWN] = "unchanged"};
    const struct report_frame *place = finding_place(&finding->stack);
    json_t *object = json_object();
    json_add(&object, "ruleId", json_text(finding->rule));
    json_add(&object, "ruleIndex", rule_index(finding->rule));
    json_add(&object, "level", json_text(finding->fatal ? "error" : "note"));
    json_add(&object, "message", message(finding_message(set->arena, finding)));
    if (place)
        json_add(&object, "locations", list_of(location(set, place)));
    json_add(&object, "stacks", stacks(set, finding));
    json_add(&object, "partialFingerprints", fingerprints(finding));
    if (states[finding->state])
        json_add(&object, "baselineState", json_text(states[finding->state]));
    json_add(&object, "properties", properties(set, finding));
    return object;
}

static json_t *tool(void)
{
    json_t *object = json_object(), *driver = json_object();
    json_add(&driver, "name", json_text("vmtrace"));
    json_add(&driver, "version", json_text(VMTRACE_VERSION));
    json_add(&driver, "rules", rule_list());
    json_add(&object, "driver", driver);
    return object;
}

/* A process that could not be judged is a failure of the tool, not a result. */
static json_t *invocation(const struct finding_process *process)
{
    json_t *object = json_object(), *notification = json_object();
    json_add(&object, "executionSuccessful", json_boolean(process->unchecked == NULL));
    json_add(&object, "processId", json_integer(process->pid));
    if (process->command)
        json_add(&object, "commandLine", json_text(process->command));
    if (process->unchecked) {
        json_add(&notification, "level", json_text("error"));
        json_add(&notification, "message", message(process->unchecked));
        json_add(&object, "toolExecutionNotifications", list_of(notification));
    } else {
        json_decref(notification);
    }
    return object;
}

bool sarif_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    struct json_stream stream;
    json_stream_begin(&stream, out);
    json_stream_member(&stream, "$schema",
                       json_text("https://json.schemastore.org/sarif-2.1.0.json"));
    json_stream_member(&stream, "version", json_text("2.1.0"));
    json_stream_open(&stream, "runs", '[');
    json_stream_open(&stream, NULL, '{');
    json_stream_member(&stream, "tool", tool());
    json_stream_open(&stream, "invocations", '[');
    for (size_t i = 0; i < set->process_count; i++)
        json_stream_item(&stream, invocation(&set->processes[i]));
    json_stream_close(&stream, ']');
    json_stream_open(&stream, "results", '[');
    for (size_t i = 0; i < set->count; i++)
        if (finding_is_listed(&set->findings[i], options))
            json_stream_item(&stream, result(set, &set->findings[i]));
    json_stream_close(&stream, ']');
    json_stream_close(&stream, '}');
    json_stream_close(&stream, ']');
    return json_stream_end(&stream);
}
